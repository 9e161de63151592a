// What the service tells of itself, and what it does not. Every alert has a page in infra/runbooks, by its name below.

param name string
param location string
param tags object
param workspaceId string

@description('Whether a replica runs at all times, so that its heartbeat is one.')
param alwaysRuns bool
param actionGroupId string

@description('Where the pages about alerts are found.')
param runbooks string

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

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in queries: {
  name: '${name}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${name}-${rule.name}'
    description: '${rule.description} What to do: ${runbooks}/${rule.name}.md'
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
        actionGroupId
      ]
    }
  }
}]
