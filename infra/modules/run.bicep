// What runs: the service, its scheduled jobs, the environment they are in, and the alerts about them.

param name string
param location string
param tags object
param image string
param registryServer string
param serviceIdentityId string
param serviceClientId string
param platformIdentityId string
param telemetryUri string
param workspaceId string
param subnetId string
param cloud string
param dataverseUrl string
param organizationId string
param creator string
param startFrom string
param businessTimeZone string
param moreSettings object
param profileText string
param approvalsNamespace string
param commandsNamespace string
param approvalsNamespaceId string
param commandsNamespaceId string
param approvalsHost string
param commandsHost string
param approvalsQueue string
param commandsQueue string
param repliesQueue string
param replyQueues array
param eventsTopic string
param cpu string
param memory string
param minReplicas int
param maxReplicas int
param messagesPerReplica int
param dueSchedule string
param reconcileSchedule string
param statusSchedule string
param alertEmails array
param runbooks string

@secure()
param teamsWebhook string

// The clouds as the scaler names them.
var scalerClouds = {
  public: 'AzurePublicCloud'
  'us-government': 'AzureUSGovernmentCloud'
  china: 'AzureChinaCloud'
}
var needsStart = creator == 'service'
var start = empty(startFrom) ? (needsStart ? fail('startFrom: from when on?') : '') : startFrom
var areApart = approvalsHost != commandsHost
var ingressAlone = [
  {
    key: 'approvals'
    id: approvalsNamespaceId
    queues: areApart ? [approvalsQueue] : [approvalsQueue, commandsQueue]
  }
]
var internalToo = [
  {
    key: 'commands'
    id: commandsNamespaceId
    queues: [commandsQueue]
  }
]

// No `--yes`: what is above the ceilings waits for a person, by exit code 4. No retries either: a second run finds done
// what the first one did, and would end with 0 where the first had something to tell. Doing it by hand once more is safe.
var jobs = [
  {
    name: 'due'
    args: ['invoice', 'create', '--due', '--unless-paused', '--requested-by', 'scheduled job', '--output', 'json']
    schedule: dueSchedule
    timeout: 10800
  }
  {
    name: 'reconcile'
    args: concat(['reconcile', '--requested-by', 'scheduled job', '--output', 'json'], (creator == 'service') ? ['--repair'] : [])
    schedule: reconcileSchedule
    timeout: 21600
  }
  {
    name: 'status'
    args: ['status', '--alarm']
    schedule: statusSchedule
    timeout: 600
  }
]

var always = {
  PSA_CONNECTOR_DATAVERSE__CLOUD: cloud
  PSA_CONNECTOR_DATAVERSE__URL: dataverseUrl
  PSA_CONNECTOR_DATAVERSE__SIGN_IN: 'managed-identity'
  PSA_CONNECTOR_SERVICEBUS__NAMESPACE: commandsHost
  PSA_CONNECTOR_SERVICEBUS__APPROVALS_QUEUE: approvalsQueue
  PSA_CONNECTOR_SERVICEBUS__COMMANDS_QUEUE: commandsQueue
  PSA_CONNECTOR_SERVICEBUS__REPLY_QUEUES: string(replyQueues)
  PSA_CONNECTOR_ACTUALS__CREATOR: creator
  PSA_CONNECTOR_BUSINESS_TIME_ZONE: businessTimeZone
  // Less than the grace below by half, and by what closing takes. An invoice action can take Dataverse minutes.
  PSA_CONNECTOR_WORKERS__DRAIN: '150'
  PSA_CONNECTOR_LOGS__FORMAT: 'json'
  PSA_CONNECTOR_TELEMETRY__EXPORTER: 'azure-monitor'
}
var settings = union(
  always,
  areApart ? {
    PSA_CONNECTOR_SERVICEBUS__APPROVALS_NAMESPACE: approvalsHost
  } : {},
  empty(start) ? {} : {
    PSA_CONNECTOR_ACTUALS__START_FROM: start
  },
  empty(organizationId) ? {} : {
    PSA_CONNECTOR_ORGANIZATION_ID: organizationId
  },
  empty(repliesQueue) ? {} : {
    PSA_CONNECTOR_SERVICEBUS__REPLIES_QUEUE: repliesQueue
  },
  empty(eventsTopic) ? {} : {
    PSA_CONNECTOR_SERVICEBUS__EVENTS: eventsTopic
  },
  empty(profileText) ? {} : {
    PSA_CONNECTOR_PROFILE: '/etc/psa-connector-profile/profile.toml'
  },
  contains(moreSettings, 'PSA_CONNECTOR_DUE__AT') ? fail('moreSettings: the job due takes the place of DUE__AT') : moreSettings
)

// What Dataverse grants the one user that all of them are is shared: each replica takes a share, and the jobs, which run
// for minutes, one together. While a new revision takes over there are more replicas, until the old ones have drained.
var shares = maxReplicas + 1
var forApp = items(union({
  PSA_CONNECTOR_WORKERS__REPLICAS: string(shares)
}, settings))
var forJobs = items(union({
  PSA_CONNECTOR_WORKERS__REPLICAS: string(shares * length(jobs))
}, settings))

module containers 'environment.bicep' = {
  name: '${name}-environment'
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: workspaceId
    subnetId: subnetId
  }
}

module app 'app.bicep' = {
  name: '${name}-app'
  params: {
    name: name
    location: location
    tags: tags
    environmentId: containers.outputs.environmentId
    image: image
    registryServer: registryServer
    serviceIdentityId: serviceIdentityId
    serviceClientId: serviceClientId
    platformIdentityId: platformIdentityId
    settings: map(forApp, setting => {
      name: setting.key
      value: string(setting.value)
    })
    profileText: profileText
    telemetryUri: telemetryUri
    cpu: cpu
    memory: memory
    healthPort: 8080
    minReplicas: minReplicas
    maxReplicas: maxReplicas
    messagesPerReplica: messagesPerReplica
    terminationGrace: 240
    approvalsNamespace: approvalsNamespace
    approvalsQueue: approvalsQueue
    commandsNamespace: commandsNamespace
    commandsQueue: commandsQueue
    scalerCloud: scalerClouds[cloud]
  }
}

module scheduled 'jobs.bicep' = {
  name: '${name}-jobs'
  params: {
    name: name
    location: location
    tags: tags
    environmentId: containers.outputs.environmentId
    image: image
    registryServer: registryServer
    serviceIdentityId: serviceIdentityId
    serviceClientId: serviceClientId
    platformIdentityId: platformIdentityId
    settings: map(forJobs, setting => {
      name: setting.key
      value: string(setting.value)
    })
    profileText: profileText
    telemetryUri: telemetryUri
    jobs: jobs
    cpu: cpu
    memory: memory
  }
}

module people 'people.bicep' = {
  name: '${name}-people'
  params: {
    name: name
    location: location
    tags: tags
    emails: alertEmails
    teamsWebhook: teamsWebhook
  }
}

module metricAlerts 'metric-alerts.bicep' = {
  name: '${name}-metric-alerts'
  params: {
    name: name
    tags: tags
    namespaces: areApart ? concat(ingressAlone, internalToo) : ingressAlone
    // Not status: what it finds has alerts of its own, part by part, and its silence too.
    jobNames: take(scheduled.outputs.jobNames, 2)
    actionGroupId: people.outputs.actionGroupId
    runbooks: runbooks
  }
}

module logAlerts 'log-alerts.bicep' = {
  name: '${name}-log-alerts'
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: workspaceId
    alwaysRuns: minReplicas > 0
    actionGroupId: people.outputs.actionGroupId
    runbooks: runbooks
  }
}

output appName string = app.outputs.appName
output jobNames array = scheduled.outputs.jobNames
