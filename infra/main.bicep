// PSA Connector in Azure: two Service Bus namespaces, the service and its scheduled jobs in Container Apps, a vault, a
// registry, logs and alerts. Deploy it into a resource group; with `image = 'none'` everything but the containers is made,
// so that there is a registry to push the first image to.

targetScope = 'resourceGroup'

@description('What every name begins with: lower-case letters and digits, a letter first.')
@minLength(3)
@maxLength(12)
param name string = 'psaconnector'
param location string = resourceGroup().location
param tags object = {}
@description('The cloud of the Dataverse environment and of this deployment.')
@allowed(['public', 'us-government', 'china'])
param cloud string = 'public'
@description('The address of the environment, such as https://contoso.crm4.dynamics.com.')
param dataverseUrl string
@description('The only organization whose events are acted on; empty: any.')
param organizationId string = ''
@description('Who creates actuals in this environment; `service` needs `startFrom`.')
@allowed(['service', 'product'])
param creator string
@description('The go-live date, such as 2026-01-01: nothing approved before it is ever written.')
param startFrom string = ''
@description('The IANA name of the time zone business dates are meant in.')
param businessTimeZone string
@description('More settings, by the name of their variable: none that is a secret.')
param moreSettings object = {}
@description('The text of a profile, by loadTextContent: columns of your own, names that differ; empty: none.')
param profileText string = ''
@description('Whether commands, replies and events get a namespace of their own, which takes no keys at all.')
param separateNamespaces bool = true
@allowed(['Standard', 'Premium'])
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
@description('Object ids in Entra of who fetches answers; needed where there are queues for them.')
param replyReaders array = []
@description('Object ids in Entra of who receives events; needed where there are subscriptions.')
param eventReaders array = []
@description('Object ids in Entra of who operates the service: may see what was put aside, and send it again.')
param operators array = []
@description('Object ids in Entra of who runs `psa-connector register`, and may read the key it hands to Dataverse.')
param registrars array = []
@description('IPv4 addresses or ranges Dataverse posts from, in CIDR notation; none: any. With a filter the service leaves by an address of its own, which is let in.')
param allowedAddresses array = []
@description('Whether everything leaves by one fixed address.')
param staticEgress bool = false
@description('The network of the containers; a /24 or larger. It can not be changed later.')
param addressSpace string = '10.90.0.0/24'
@description('The image to run, such as registry/psa-connector@sha256:…; none: no containers yet.')
@minLength(4)
param image string
@description('Cores and memory of a container, in a pair that Container Apps offers.')
param cpu string = '0.5'
param memory string = '1Gi'
@description('0 lets the service sleep while its queues are empty.')
@minValue(0)
@maxValue(9)
param minReplicas int = 1
@minValue(1)
@maxValue(9)
param maxReplicas int = 2
@description('Messages waiting in a queue for which one more replica is started.')
@minValue(1)
param messagesPerReplica int = 500
@description('When what is due is invoiced: cron, in UTC wherever the business is; once a day, early on its day.')
param dueSchedule string = '0 4 * * *'
@description('When approvals are compared with actuals: cron, in UTC.')
param reconcileSchedule string = '30 1 * * *'
@description('When everything is looked at once: cron, in UTC.')
param statusSchedule string = '*/15 * * * *'
@description('E-mail addresses that are told of alerts.')
@minLength(1)
param alertEmails array
@description('Where the pages about alerts are found, such as the address of that folder in your repository: each alert links its own.')
param runbooks string = 'infra/runbooks'
@description('The address of a Teams workflow that posts what it is sent into a channel, or none.')
@secure()
@minLength(4)
param teamsWebhook string = 'none'
@minValue(30)
@maxValue(730)
param retentionDays int = 90

var definitions = 'Microsoft.Authorization/roleDefinitions'
var busRoles = {
  owner: subscriptionResourceId(definitions, '090c5cfd-751d-490a-894a-3ce6f1109419')
  receiver: subscriptionResourceId(definitions, '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0')
  sender: subscriptionResourceId(definitions, '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39')
}

// Azure does not tell a deployment where Service Bus is found in its cloud.
var serviceBusSuffixes = {
  public: '.servicebus.windows.net'
  'us-government': '.servicebus.usgovcloudapi.net'
  china: '.servicebus.chinacloudapi.cn'
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

var letters = (toLower(name) == name) ? replace(name, '-', '') : fail('name: lower-case letters and digits only')
var unique = take(uniqueString(resourceGroup().id), 6)
var approvalsNamespace = '${name}-ingress-${unique}'
var commandsNamespace = separateNamespaces ? '${name}-internal-${unique}' : approvalsNamespace
var approvalsHost = '${approvalsNamespace}${serviceBusSuffixes[cloud]}'
var commandsHost = '${commandsNamespace}${serviceBusSuffixes[cloud]}'
var answerQueues = empty(repliesQueue) ? replyQueues : union([repliesQueue], replyQueues)
var hasImage = image != 'none'
var isFiltered = !empty(allowedAddresses)

// The scaler's own way to a filtered namespace is not ours to know, so there the service is never left asleep.
var leastReplicas = isFiltered ? max(1, minReplicas) : minReplicas
var mostReplicas = max(leastReplicas, maxReplicas)

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

// There from the start: an environment can't be moved into a network, while an address can be added to a network.
module network 'modules/network.bicep' = {
  name: '${name}-network'
  params: {
    name: name
    location: location
    tags: tags
    addressSpace: addressSpace
    fixedAddress: staticEgress || isFiltered
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
    operators: operators
    roles: busRoles
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
    eventReaders: eventReaders
    operators: operators
    roles: busRoles
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
  }
}

module registry 'modules/registry.bicep' = {
  name: '${name}-registry'
  params: {
    registryName: '${letters}${uniqueString(resourceGroup().id)}'
    location: location
    tags: tags
    platformPrincipalId: identity.outputs.platformPrincipalId
  }
}

module run 'modules/run.bicep' = if (hasImage) {
  name: '${name}-run'
  params: {
    name: name
    location: location
    tags: tags
    image: image
    registryServer: registry.outputs.loginServer
    serviceIdentityId: identity.outputs.serviceId
    serviceClientId: identity.outputs.serviceClientId
    platformIdentityId: identity.outputs.platformId
    telemetryUri: vault.outputs.telemetryUri
    workspaceId: logs.outputs.workspaceId
    subnetId: network.outputs.subnetId
    cloud: cloud
    dataverseUrl: dataverseUrl
    organizationId: organizationId
    creator: creator
    startFrom: startFrom
    businessTimeZone: businessTimeZone
    moreSettings: moreSettings
    profileText: profileText
    approvalsNamespace: ingress.outputs.namespaceName
    commandsNamespace: internal.outputs.namespaceName
    approvalsNamespaceId: ingress.outputs.namespaceId
    commandsNamespaceId: internal.outputs.namespaceId
    approvalsHost: approvalsHost
    commandsHost: commandsHost
    approvalsQueue: approvalsQueue
    commandsQueue: commandsQueue
    repliesQueue: repliesQueue
    replyQueues: replyQueues
    eventsTopic: eventsTopic
    cpu: cpu
    memory: memory
    minReplicas: leastReplicas
    maxReplicas: mostReplicas
    messagesPerReplica: messagesPerReplica
    dueSchedule: dueSchedule
    reconcileSchedule: reconcileSchedule
    statusSchedule: statusSchedule
    alertEmails: alertEmails
    runbooks: runbooks
    teamsWebhook: teamsWebhook
  }
}

@description('The client id to make an application user for in the Dataverse environment.')
output serviceClientId string = identity.outputs.serviceClientId

@description('Where to read the key for `psa-connector register`: the vault, and the name of the secret.')
output vaultName string = vault.outputs.vaultName
output eventSenderName string = vault.outputs.eventSenderName
output approvalsNamespace string = approvalsHost
output commandsNamespace string = commandsHost
output registryName string = registry.outputs.registryName
output registryServer string = registry.outputs.loginServer
output workspaceName string = logs.outputs.workspaceName

@description('The fixed address, for firewalls; empty: there is none.')
output egressAddress string = network.outputs.egressAddress
output appName string = hasImage ? run.outputs.appName : ''
output jobNames array = hasImage ? run.outputs.jobNames : []
