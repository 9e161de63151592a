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

// An alert tells of nothing more while it is on: where one finding must not hide the next, `split` names the columns by
// which there is one alert each. A number that stands has an alert, and one that grows has another (`Change`), so that what
// a person knows of and leaves hides nothing new.
//
// A metric's value is its `Sum`: what the exporter sends of counters and gauges has neither `Min` nor `Max`.
var queries = [
  {
    name: 'silence'
    page: 'silence'
    split: []
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
    page: 'status-silence'
    split: []
    enabled: true
    severity: 1
    description: 'The scheduled look at everything has not run to its end for an hour, or got no answer, so that nobody would say what is wrong.'
    query: 'ContainerAppConsoleLogs | where ContainerName == "status" | extend Told = parse_json(tostring(Log)) | where isnotnull(Told.needs_a_person) and array_length(Told.no_answer) == 0'
    operator: 'LessThan'
    threshold: 1
    window: 'PT1H'
    frequency: 'PT15M'
  }
  {
    name: 'nobody-looks'
    page: 'nobody-looks'
    split: []
    enabled: true
    severity: 1
    description: 'No look at what no message tells has arrived for an hour with every question answered: metrics do not arrive, or nobody looks, and then no alert that reads them can ring.'
    query: 'AppMetrics | where Name == "psa_connector.looks" and tostring(Properties.outcome) == "complete" and Sum > 0'
    operator: 'LessThan'
    threshold: 1
    window: 'PT1H'
    frequency: 'PT15M'
  }
  {
    name: 'paused'
    page: 'paused'
    split: []
    enabled: true
    severity: 1
    description: 'The service has paused: a secret, a role, a table or a limit of ours keeps it from working, or somebody paused it. Every message is kept.'
    query: 'AppMetrics | where Name == "psa_connector.breaker.state" and Sum >= 2'
    operator: 'GreaterThanOrEqual'
    threshold: 5
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'in-doubt'
    page: 'in-doubt'
    split: ['Doubt']
    enabled: true
    severity: 1
    description: 'An invoice was called for and nobody said whether it was made. It is never called for again by itself: a person decides.'
    query: 'AppMetrics | where (Name == "psa_connector.invoices_in_doubt" and Sum > 0) or (Name == "psa_connector.dead_letters" and tostring(Properties.code) in ("in-doubt", "earlier-in-doubt") and Sum > 0) | extend Doubt = iff(Name == "psa_connector.invoices_in_doubt", tostring(toint(Sum)), "put aside")'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT30M'
    frequency: 'PT5M'
  }
  {
    name: 'put-aside'
    page: 'dead-letters'
    split: ['Code']
    enabled: true
    severity: 2
    description: 'The service put messages aside for a person, for this cause. Others may lie there from before.'
    query: 'AppMetrics | where Name == "psa_connector.dead_letters" and Sum > 0 | extend Code = tostring(Properties.code)'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'attention'
    page: 'attention'
    split: ['Part']
    enabled: true
    severity: 2
    description: 'A part of what status looks at has needed a person for most of an hour, or can not be looked at.'
    query: 'AppMetrics | where Name == "psa_connector.attention" | extend Part = tostring(Properties.part) | summarize Told = max(Sum) by Part, bin(TimeGenerated, 15m) | where Told > 1 or (Told > 0 and Part !in ("approved-without-actuals", "schedules-overdue", "in-doubt"))'
    operator: 'GreaterThanOrEqual'
    threshold: 3
    window: 'PT1H'
    frequency: 'PT15M'
  }
  {
    name: 'without-actuals'
    page: 'without-actuals'
    split: ['Change']
    enabled: true
    severity: 2
    description: 'Entries were approved a while ago and have no actuals, or more have none than before: events were lost, or nobody works on them.'
    query: 'AppMetrics | where Name == "psa_connector.approved_without_actuals" | summarize Told = max(Sum) by bin(TimeGenerated, 15m) | sort by TimeGenerated asc | extend Before = prev(Told, 1, 0.0) | where Told > 0 | extend Change = iff(Before > 0 and Told > Before, dynamic(["any", "more"]), dynamic(["any"])) | mv-expand Change to typeof(string)'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT1H'
    frequency: 'PT15M'
  }
  {
    name: 'overdue'
    page: 'overdue'
    split: ['Change']
    enabled: true
    severity: 2
    description: 'Invoices were due with something ready, and for a day were not created, or more of them than the day before: the job due does not run, or was refused.'
    query: 'AppMetrics | where Name == "psa_connector.schedules_overdue" | summarize Told = max(Sum) by bin(TimeGenerated, 1h) | sort by TimeGenerated asc | extend Before = prev(Told, 24, 0.0) | where Told > 0 and TimeGenerated > ago(1d) | extend Change = iff(Before > 0 and Told > Before, dynamic(["any", "more"]), dynamic(["any"])) | mv-expand Change to typeof(string)'
    operator: 'GreaterThanOrEqual'
    threshold: 23
    window: 'P2D'
    frequency: 'PT1H'
  }
  {
    name: 'throttling-dataverse'
    page: 'throttling-dataverse'
    split: []
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
    name: 'sent-away'
    page: 'sent-away'
    split: []
    enabled: true
    severity: 2
    description: 'Dataverse, or something before it, said to stay away for longer than its limits ever ask for: nothing is worked on until then.'
    query: 'AppMetrics | where Name == "psa_connector.dataverse.held" and Sum > 600'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'behind'
    page: 'behind'
    split: []
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
    description: '${rule.description} What to do: ${runbooks}/${rule.page}.md'
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
          dimensions: map(rule.split, column => {
            name: column
            operator: 'Include'
            values: ['*']
          })
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
