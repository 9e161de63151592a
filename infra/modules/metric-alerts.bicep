// What Azure itself measures: dead letters, throttling, failed runs.

param name string
param tags object

@description('The namespaces, each with its `key`, its `id`, and the `queues` the service works on.')
param namespaces array

@description('The full names of the jobs, each of which fails by an exit code that is not 0.')
param jobNames array
param actionGroupId string

@description('Where the pages about alerts are found.')
param runbooks string

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = [for namespace in namespaces: {
  name: '${name}-dead-letters-${namespace.key}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages were put aside for a person. psa-connector dead-letters list says which, and why. What to do: ${runbooks}/dead-letters.md'
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
              values: namespace.queues
            }
          ]
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}]

resource busThrottling 'Microsoft.Insights/metricAlerts@2018-03-01' = [for namespace in namespaces: {
  name: '${name}-throttling-bus-${namespace.key}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Service Bus refused requests for being too many. Messages wait and none is lost; a larger tier takes more. What to do: ${runbooks}/throttling-bus.md'
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
        actionGroupId: actionGroupId
      }
    ]
  }
}]

resource failedRuns 'Microsoft.Insights/metricAlerts@2018-03-01' = [for job in jobNames: {
  name: '${job}-failed'
  location: 'global'
  tags: tags
  properties: {
    description: 'A scheduled run of ${job} failed, or left something for a person (exit code 4). Its log says what. What to do: ${runbooks}/failed-run.md'
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
        actionGroupId: actionGroupId
      }
    ]
  }
}]
