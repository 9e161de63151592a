// PSA Connector in Azure: two Service Bus namespaces, the service and its scheduled jobs in Container Apps, a vault, a
// registry, logs and alerts. Deploy it into a resource group; without `image` everything but the containers is made, so
// that there is a registry to push the first image to.

targetScope = 'resourceGroup'

@description('What every name begins with.')
@minLength(3)
@maxLength(12)
param name string = 'psaconnector'
param location string = resourceGroup().location
param tags object = {}

@description('The cloud of the Dataverse environment and of this deployment.')
@allowed([
  'public'
  'us-government'
  'china'
])
param cloud string = 'public'

@description('The address of the environment, such as https://contoso.crm4.dynamics.com.')
param dataverseUrl string

@description('The only organization whose events are acted on; empty: any.')
param organizationId string = ''

@description('Who creates actuals in this environment; `service` needs `startFrom`.')
@allowed([
  'service'
  'product'
])
param creator string

@description('The go-live date, such as 2026-01-01: nothing approved before it is ever written.')
param startFrom string = ''

@description('The IANA name of the time zone business dates are meant in.')
param businessTimeZone string

@description('More settings, by the name of their variable: none that is a secret.')
param moreSettings object = {}

@description('Whether commands, replies and events get a namespace of their own, which takes no keys at all.')
param separateNamespaces bool = true

@allowed([
  'Standard'
  'Premium'
])
param serviceBusSku string = 'Standard'
param approvalsQueue string = 'approvals'
param commandsQueue string = 'commands'

@description('The queue for answers to messages that name none; empty: none.')
param repliesQueue string = ''

@description('Queues that a message may name for its answer.')
param replyQueues array = []

@description('The topic that is told of invoices; empty: none.')
param eventsTopic string = ''

@description('The subscriptions of that topic; what nobody subscribes to is not kept.')
param eventSubscriptions array = []

@description('Object ids in Entra of who may give commands by message.')
param commandSenders array = []

@description('Object ids in Entra of who may fetch answers.')
param replyReaders array = []

@description('Object ids in Entra of who runs `psa-connector register`, and may read the key it hands to Dataverse.')
param registrars array = []

@description('IPv4 addresses or ranges Dataverse posts from, in CIDR notation; none: any. With a filter the service leaves by an address of its own, which is let in.')
param allowedAddresses array = []

@description('Whether everything leaves by one fixed address.')
param staticEgress bool = false

@description('The network of the containers where there is a fixed address; a /24 or larger.')
param addressSpace string = '10.90.0.0/24'

@description('The image to run, such as registry/psa-connector@sha256:…; empty: no containers yet.')
param image string = ''

@description('Cores and memory of a container, in a pair that Container Apps offers.')
param cpu string = '0.5'
param memory string = '1Gi'

@description('0 lets the service sleep while its queues are empty.')
@minValue(0)
@maxValue(28)
param minReplicas int = 1

@minValue(1)
@maxValue(28)
param maxReplicas int = 2

@description('Messages waiting in a queue for which one more replica is started.')
@minValue(1)
param messagesPerReplica int = 500

@description('When what is due is invoiced: cron, in UTC.')
param dueSchedule string = '0 4 * * *'

@description('When approvals are compared with actuals: cron, in UTC.')
param reconcileSchedule string = '30 1 * * *'

@description('When everything is looked at once: cron, in UTC.')
param statusSchedule string = '*/15 * * * *'

@description('E-mail addresses that are told of alerts.')
param alertEmails array

@description('The address of a Teams workflow that posts what it is sent into a channel; empty: none.')
@secure()
param teamsWebhook string = ''

@minValue(30)
@maxValue(730)
param retentionDays int = 90

// Role definitions of Azure, by their fixed ids.
var roles = {
  serviceBusDataOwner: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '090c5cfd-751d-490a-894a-3ce6f1109419')
  serviceBusDataReceiver: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0')
  serviceBusDataSender: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39')
  keyVaultSecretsUser: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6')
  acrPull: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')
}

// What is other from cloud to cloud, and is not among the suffixes Azure tells a deployment.
var clouds = {
  public: {
    serviceBusSuffix: '.servicebus.windows.net'
    scaler: 'AzurePublicCloud'
  }
  'us-government': {
    serviceBusSuffix: '.servicebus.usgovcloudapi.net'
    scaler: 'AzureUSGovernmentCloud'
  }
  china: {
    serviceBusSuffix: '.servicebus.chinacloudapi.cn'
    scaler: 'AzureChinaCloud'
  }
}

// How a message fares on a queue the service works on. Duplicate detection covers the longest time that one message is
// tried for, so that of two copies of one attempt one is dropped; the delivery count is only a guard against loops; what
// expires, after far longer than it is tried for, is put aside and not lost.
var timeToLive = 'P14D'
var queueProperties = {
  lockDuration: 'PT1M'
  maxDeliveryCount: 50
  requiresDuplicateDetection: true
  duplicateDetectionHistoryTimeWindow: 'P1D'
  requiresSession: false
  defaultMessageTimeToLive: timeToLive
  deadLetteringOnMessageExpiration: true
  maxSizeInMegabytes: 5120
  enablePartitioning: false
}

var letters = replace(name, '-', '')
var unique = take(uniqueString(resourceGroup().id), 6)
var approvalsNamespace = '${name}-ingress-${unique}'
var commandsNamespace = separateNamespaces ? '${name}-internal-${unique}' : approvalsNamespace
var answerQueues = empty(repliesQueue) ? replyQueues : union([repliesQueue], replyQueues)
var hasImage = !empty(image)
var isFiltered = !empty(allowedAddresses)
var hasStaticEgress = staticEgress || isFiltered

// The scaler's own way to a filtered namespace is not ours to know, so there the service is never left asleep.
var leastReplicas = isFiltered ? max(1, minReplicas) : minReplicas
var mostReplicas = max(leastReplicas, maxReplicas)

// No `--yes`: what is above the ceilings waits for a person, by exit code 4. No retries either: a second run finds done
// what the first one did, and would end with 0 where the first had something to tell. Doing it by hand once more is safe.
var jobs = [
  {
    name: 'due'
    args: ['invoice', 'create', '--due', '--requested-by', 'scheduled job', '--output', 'json']
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
  PSA_CONNECTOR_SERVICEBUS__NAMESPACE: '${commandsNamespace}${clouds[cloud].serviceBusSuffix}'
  PSA_CONNECTOR_SERVICEBUS__APPROVALS_QUEUE: approvalsQueue
  PSA_CONNECTOR_SERVICEBUS__COMMANDS_QUEUE: commandsQueue
  PSA_CONNECTOR_SERVICEBUS__REPLY_QUEUES: string(replyQueues)
  PSA_CONNECTOR_ACTUALS__CREATOR: creator
  PSA_CONNECTOR_BUSINESS_TIME_ZONE: businessTimeZone
  // As many processes as can be at work as one user: what Dataverse grants that user is shared among them. While a new
  // revision takes over there are more for some minutes, and Dataverse itself slows them down.
  PSA_CONNECTOR_WORKERS__REPLICAS: string(mostReplicas + length(jobs))
  PSA_CONNECTOR_LOGS__FORMAT: 'json'
  PSA_CONNECTOR_TELEMETRY__EXPORTER: 'azure-monitor'
}
var settings = union(
  always,
  separateNamespaces ? {
    PSA_CONNECTOR_SERVICEBUS__APPROVALS_NAMESPACE: '${approvalsNamespace}${clouds[cloud].serviceBusSuffix}'
  } : {},
  empty(startFrom) ? {} : {
    PSA_CONNECTOR_ACTUALS__START_FROM: startFrom
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
  moreSettings
)
var variables = map(items(settings), setting => {
  name: setting.key
  value: setting.value
})

module identity 'modules/identity.bicep' = {
  name: '${name}-identity'
  params: {
    name: name
    location: location
    tags: tags
  }
}

module logs 'modules/logs.bicep' = {
  name: '${name}-logs'
  params: {
    name: name
    location: location
    tags: tags
    retentionDays: retentionDays
  }
}

module network 'modules/network.bicep' = if (hasStaticEgress) {
  name: '${name}-network'
  params: {
    name: name
    location: location
    tags: tags
    addressSpace: addressSpace
  }
}

module ingress 'modules/ingress.bicep' = {
  name: '${name}-ingress'
  params: {
    namespaceName: approvalsNamespace
    location: location
    tags: tags
    sku: serviceBusSku
    queueName: approvalsQueue
    queueProperties: queueProperties
    allowedAddresses: isFiltered ? concat(allowedAddresses, ['${network.outputs.egressAddress}/32']) : []
    servicePrincipalId: identity.outputs.servicePrincipalId
    platformPrincipalId: identity.outputs.platformPrincipalId
    receiverRoleId: roles.serviceBusDataReceiver
    senderRoleId: roles.serviceBusDataSender
    ownerRoleId: roles.serviceBusDataOwner
  }
}

module internal 'modules/internal.bicep' = {
  name: '${name}-internal'
  params: {
    namespaceName: separateNamespaces ? commandsNamespace : ingress.outputs.namespaceName
    ownNamespace: separateNamespaces
    location: location
    tags: tags
    sku: serviceBusSku
    commandsQueue: commandsQueue
    replyQueues: answerQueues
    eventsTopic: eventsTopic
    eventSubscriptions: eventSubscriptions
    queueProperties: queueProperties
    timeToLive: timeToLive
    servicePrincipalId: identity.outputs.servicePrincipalId
    platformPrincipalId: identity.outputs.platformPrincipalId
    commandSenders: commandSenders
    replyReaders: replyReaders
    receiverRoleId: roles.serviceBusDataReceiver
    senderRoleId: roles.serviceBusDataSender
    ownerRoleId: roles.serviceBusDataOwner
  }
}

module vault 'modules/vault.bicep' = {
  name: '${name}-vault'
  params: {
    vaultName: '${name}-kv-${unique}'
    location: location
    tags: tags
    tenantId: subscription().tenantId
    insightsName: logs.outputs.insightsName
    approvalsNamespace: ingress.outputs.namespaceName
    approvalsQueue: approvalsQueue
    approvalsRule: ingress.outputs.ruleName
    platformPrincipalId: identity.outputs.platformPrincipalId
    registrars: registrars
    secretsUserRoleId: roles.keyVaultSecretsUser
  }
}

module registry 'modules/registry.bicep' = {
  name: '${name}-registry'
  params: {
    registryName: '${letters}${uniqueString(resourceGroup().id)}'
    location: location
    tags: tags
    platformPrincipalId: identity.outputs.platformPrincipalId
    pullRoleId: roles.acrPull
  }
}

module containers 'modules/environment.bicep' = {
  name: '${name}-environment'
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: logs.outputs.workspaceId
    subnetId: hasStaticEgress ? network.outputs.subnetId : ''
  }
}

module app 'modules/app.bicep' = if (hasImage) {
  name: '${name}-app'
  params: {
    name: name
    location: location
    tags: tags
    environmentId: containers.outputs.environmentId
    image: image
    registryServer: registry.outputs.loginServer
    serviceIdentityId: identity.outputs.serviceId
    serviceClientId: identity.outputs.serviceClientId
    platformIdentityId: identity.outputs.platformId
    settings: variables
    telemetryUri: vault.outputs.telemetryUri
    cpu: cpu
    memory: memory
    healthPort: 8080
    minReplicas: leastReplicas
    maxReplicas: mostReplicas
    messagesPerReplica: messagesPerReplica
    terminationGrace: 60
    approvalsNamespace: ingress.outputs.namespaceName
    approvalsQueue: approvalsQueue
    commandsNamespace: internal.outputs.namespaceName
    commandsQueue: commandsQueue
    scalerCloud: clouds[cloud].scaler
  }
}

module scheduled 'modules/jobs.bicep' = if (hasImage) {
  name: '${name}-jobs'
  params: {
    name: name
    location: location
    tags: tags
    environmentId: containers.outputs.environmentId
    image: image
    registryServer: registry.outputs.loginServer
    serviceIdentityId: identity.outputs.serviceId
    serviceClientId: identity.outputs.serviceClientId
    platformIdentityId: identity.outputs.platformId
    settings: variables
    telemetryUri: vault.outputs.telemetryUri
    jobs: jobs
    cpu: cpu
    memory: memory
  }
}

module alerts 'modules/alerts.bicep' = if (hasImage) {
  name: '${name}-alerts'
  params: {
    name: name
    location: location
    tags: tags
    emails: alertEmails
    teamsWebhook: teamsWebhook
    workspaceId: logs.outputs.workspaceId
    approvalsNamespaceId: ingress.outputs.namespaceId
    internalNamespaceId: separateNamespaces ? internal.outputs.namespaceId : ''
    jobNames: hasImage ? scheduled.outputs.jobNames : []
    alwaysRuns: leastReplicas > 0
  }
}

@description('The client id to make an application user for in the Dataverse environment.')
output serviceClientId string = identity.outputs.serviceClientId

@description('Where to read the key for `psa-connector register`: the vault, and the name of the secret.')
output vaultName string = vault.outputs.vaultName
output eventSenderName string = vault.outputs.eventSenderName
output approvalsNamespace string = '${approvalsNamespace}${clouds[cloud].serviceBusSuffix}'
output commandsNamespace string = '${commandsNamespace}${clouds[cloud].serviceBusSuffix}'
output registryName string = registry.outputs.registryName
output registryServer string = registry.outputs.loginServer
output workspaceName string = logs.outputs.workspaceName

@description('The fixed address, for firewalls; empty: there is none.')
output egressAddress string = hasStaticEgress ? network.outputs.egressAddress : ''
output appName string = hasImage ? app.outputs.appName : ''
output jobNames array = hasImage ? scheduled.outputs.jobNames : []
