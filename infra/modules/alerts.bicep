// Who is told, by which way, and of what. Every alert has a page of its own name in infra/runbooks.

param name string
param location string
param tags object

@description('E-mail addresses that are told.')
param emails array

@description('The address of a Teams workflow that posts what it is sent into a channel; empty: none.')
@secure()
param teamsWebhook string
param workspaceId string
param approvalsNamespaceId string

@description('The other namespace; empty where there is only one.')
param internalNamespaceId string

@description('The full names of the jobs, each of which fails by an exit code that is not 0.')
param jobNames array

@description('Whether a replica runs at all times, so that its heartbeat is one.')
param alwaysRuns bool

var toTeams = !empty(teamsWebhook)

resource teams 'Microsoft.Logic/workflows@2019-05-01' = if (toTeams) {
  name: '${name}-to-teams'
  location: location
  tags: tags
  properties: {
    state: 'Enabled'
    definition: {
      '$schema': 'https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#'
      contentVersion: '1.0.0.0'
      parameters: {
        webhook: {
          type: 'securestring'
        }
      }
      triggers: {
        alert: {
          type: 'Request'
          kind: 'Http'
          inputs: {
            schema: {}
          }
        }
      }
      actions: {
        post: {
          type: 'Http'
          runAfter: {}
          inputs: {
            method: 'POST'
            uri: '@parameters(\'webhook\')'
            headers: {
              'Content-Type': 'application/json'
            }
            body: {
              type: 'message'
              attachments: [
                {
                  contentType: 'application/vnd.microsoft.card.adaptive'
                  content: {
                    type: 'AdaptiveCard'
                    version: '1.4'
                    body: [
                      {
                        type: 'TextBlock'
                        weight: 'Bolder'
                        wrap: true
                        text: '@{triggerBody()?[\'data\']?[\'essentials\']?[\'alertRule\']}: @{triggerBody()?[\'data\']?[\'essentials\']?[\'monitorCondition\']}'
                      }
                      {
                        type: 'TextBlock'
                        wrap: true
                        text: '@{triggerBody()?[\'data\']?[\'essentials\']?[\'description\']}'
                      }
                    ]
                  }
                }
              ]
            }
          }
          runtimeConfiguration: {
            secureData: {
              properties: [
                'inputs'
              ]
            }
          }
        }
      }
    }
    parameters: {
      webhook: {
        value: teamsWebhook
      }
    }
  }
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-people'
  location: 'Global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'psaconnect'
    emailReceivers: [for (email, index) in emails: {
      name: 'mail-${index}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
    logicAppReceivers: toTeams ? [
      {
        name: 'teams-channel'
        resourceId: teams.id
        callbackUrl: listCallbackURL('${teams.id}/triggers/alert', '2019-05-01').value
        useCommonAlertSchema: true
      }
    ] : []
  }
}

var approvalsNamespaces = [
  {
    key: 'approvals'
    id: approvalsNamespaceId
  }
]
var otherNamespaces = empty(internalNamespaceId) ? [] : [
  {
    key: 'commands'
    id: internalNamespaceId
  }
]
var namespaces = concat(approvalsNamespaces, otherNamespaces)

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = [for namespace in namespaces: {
  name: '${name}-dead-letters-${namespace.key}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages were put aside for a person. psa-connector dead-letters list says which, and why.'
    severity: 2
    enabled: true
    scopes: [
      namespace.id
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-letters'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'DeadletteredMessages'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [
            {
              name: 'EntityName'
              operator: 'Include'
              values: [
                '*'
              ]
            }
          ]
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}]

resource busThrottling 'Microsoft.Insights/metricAlerts@2018-03-01' = [for namespace in namespaces: {
  name: '${name}-throttling-bus-${namespace.key}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Service Bus refused requests for being too many. Messages wait and none is lost; a larger tier takes more.'
    severity: 3
    enabled: true
    scopes: [
      namespace.id
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'throttled'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'ThrottledRequests'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}]

resource failedRuns 'Microsoft.Insights/metricAlerts@2018-03-01' = [for job in jobNames: {
  name: '${job}-failed'
  location: 'global'
  tags: tags
  properties: {
    description: 'A scheduled run of ${job} failed, or left something for a person (exit code 4). Its log says what.'
    severity: 2
    enabled: true
    scopes: [
      resourceId('Microsoft.App/jobs', job)
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'failed'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.App/jobs'
          metricName: 'Executions'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
          // A metric that was never reported is not known yet.
          skipMetricValidation: true
          dimensions: [
            {
              name: 'state'
              operator: 'Include'
              values: [
                'Failed'
              ]
            }
          ]
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}]

// A metric's value is its `Sum`: what the exporter sends of counters and gauges has neither `Min` nor `Max`.
var queries = [
  {
    name: 'silence'
    enabled: alwaysRuns
    severity: 1
    description: 'No replica has given a sign of life for ten minutes: the service is down, or hangs. Approvals wait in their queue.'
    query: 'AppMetrics | where Name == "psa_connector.heartbeat"'
    operator: 'LessThan'
    threshold: 1
    window: 'PT10M'
    frequency: 'PT5M'
  }
  {
    name: 'status-silence'
    enabled: true
    severity: 1
    description: 'The scheduled look at everything has not run for an hour, so that nobody would say what is wrong.'
    query: 'ContainerAppConsoleLogs | where ContainerName == "status"'
    operator: 'LessThan'
    threshold: 1
    window: 'PT1H'
    frequency: 'PT15M'
  }
  {
    name: 'paused'
    enabled: true
    severity: 1
    description: 'The service has paused: a secret, a role, a table or a limit of ours keeps it from working. Every message is kept.'
    query: 'AppMetrics | where Name == "psa_connector.breaker.state" and Sum >= 2'
    operator: 'GreaterThanOrEqual'
    threshold: 5
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'in-doubt'
    enabled: true
    severity: 1
    description: 'An invoice was called for and nobody said whether it was made. It is never called for again by itself: a person decides.'
    query: 'AppMetrics | where (Name == "psa_connector.invoices_in_doubt" and Sum > 0) or (Name == "psa_connector.dead_letters" and tostring(Properties.code) in ("in-doubt", "earlier-in-doubt") and Sum > 0)'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT30M'
    frequency: 'PT5M'
  }
  {
    name: 'without-actuals'
    enabled: true
    severity: 2
    description: 'Entries were approved a while ago and have no actuals: events were lost, or nobody works on them.'
    query: 'AppMetrics | where Name == "psa_connector.approved_without_actuals" and Sum > 0'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT30M'
    frequency: 'PT15M'
  }
  {
    name: 'overdue'
    enabled: true
    severity: 2
    description: 'Invoices were due with something ready, and were not created: the job due does not run, or was refused.'
    query: 'AppMetrics | where Name == "psa_connector.schedules_overdue" and Sum > 0'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT30M'
    frequency: 'PT15M'
  }
  {
    name: 'throttling-dataverse'
    enabled: true
    severity: 3
    description: 'Dataverse keeps sending the service away: somebody else uses the same user, or more replicas run than the settings say.'
    query: 'AppMetrics | where Name == "psa_connector.dataverse.throttles" and Sum > 0'
    operator: 'GreaterThan'
    threshold: 5
    window: 'PT30M'
    frequency: 'PT10M'
  }
  {
    name: 'behind'
    enabled: true
    severity: 2
    description: 'Messages have been waiting for more than ten minutes: more comes than is done, or what is needed is out of reach.'
    query: 'AppMetrics | where Name == "psa_connector.queue.lag" and Sum > 600'
    operator: 'GreaterThanOrEqual'
    threshold: 10
    window: 'PT15M'
    frequency: 'PT5M'
  }
]

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in queries: {
  name: '${name}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${name}-${rule.name}'
    description: rule.description
    severity: rule.severity
    enabled: rule.enabled
    scopes: [
      workspaceId
    ]
    evaluationFrequency: rule.frequency
    windowSize: rule.window
    // The tables are there only once something was written to them.
    skipQueryValidation: true
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}]

output actionGroupName string = people.name
