// Commands, replies and events about invoices. In a namespace of their own, no key opens them: identities only.

param namespaceName string

@description('Whether the namespace is made here; else it is there already, and shared with approvals.')
param ownNamespace bool
param location string
param tags object

@allowed([
  'Standard'
  'Premium'
])
param sku string
param commandsQueue string

@description('Queues that answers go to.')
param replyQueues array

@description('The topic told of invoices; empty: none.')
param eventsTopic string
param eventSubscriptions array

@description('How a queue the service works on keeps, hands out and puts aside its messages.')
param queueProperties object

@description('How long others have to fetch answers and events before these are put aside.')
param timeToLive string

param servicePrincipalId string
param platformPrincipalId string

@description('Object ids of who may give commands by message.')
param commandSenders array

@description('Object ids of who may fetch answers.')
param replyReaders array

@description('Object ids of who receives events.')
param eventReaders array

@description('Object ids of who may see what was put aside, and send it again.')
param operators array

@description('The role definitions `receiver`, `sender` and `owner` of Service Bus.')
param roles object

// An answer or an event that nobody may fetch would lie there until it is put aside.
var fetchers = (empty(replyQueues) || !empty(replyReaders)) ? replyReaders : fail('replyReaders: who fetches answers?')
var hasListeners = empty(eventSubscriptions) || !empty(eventReaders)
var receivers = hasListeners ? eventReaders : fail('eventReaders: who receives events?')

resource own 'Microsoft.ServiceBus/namespaces@2024-01-01' = if (ownNamespace) {
  name: namespaceName
  location: location
  tags: tags
  sku: {
    name: sku
    tier: sku
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource internalNamespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource commands 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = {
  parent: internalNamespace
  name: commandsQueue
  properties: queueProperties
  dependsOn: [
    own
  ]
}

resource replies 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [for reply in replyQueues: {
  parent: internalNamespace
  name: reply
  properties: {
    defaultMessageTimeToLive: timeToLive
    deadLetteringOnMessageExpiration: true
  }
  dependsOn: [
    own
  ]
}]

resource events 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = if (!empty(eventsTopic)) {
  parent: internalNamespace
  name: empty(eventsTopic) ? 'none' : eventsTopic
  properties: {
    defaultMessageTimeToLive: timeToLive
  }
  dependsOn: [
    own
  ]
}

var subscribers = empty(eventsTopic) ? [] : eventSubscriptions

resource subscriptions 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = [for subscriber in subscribers: {
  parent: events
  name: subscriber
  properties: {
    deadLetteringOnMessageExpiration: true
    deadLetteringOnFilterEvaluationExceptions: true
  }
}]

resource mayReceive 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: commands
  name: guid(commands.id, servicePrincipalId, roles.receiver)
  properties: {
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.receiver
  }
}

// Delayed retries, and the commands of a run that is carried out contract by contract.
resource maySend 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: commands
  name: guid(commands.id, servicePrincipalId, roles.sender)
  properties: {
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.sender
  }
}

resource mayAnswer 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (reply, index) in replyQueues: {
  scope: replies[index]
  name: guid(namespaceName, reply, servicePrincipalId, roles.sender)
  properties: {
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.sender
  }
}]

resource mayAnnounce 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(eventsTopic)) {
  scope: events
  name: guid(namespaceName, eventsTopic, servicePrincipalId, roles.sender)
  properties: {
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.sender
  }
}

// Scaling reads the length of the queue, which only a right to manage it shows; the platform alone has it.
resource mayLook 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: commands
  name: guid(commands.id, platformPrincipalId, roles.owner)
  properties: {
    principalId: platformPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.owner
  }
}

// Whoever operates may send again, which is the same right: given once to each.
resource mayCommand 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for sender in union(commandSenders, operators): {
  scope: commands
  name: guid(commands.id, sender, roles.sender)
  properties: {
    principalId: sender
    roleDefinitionId: roles.sender
  }
}]

var fetches = flatten(map(range(0, length(replyQueues)), number => map(fetchers, reader => {
  number: number
  principal: reader
})))

resource mayFetch 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for fetcher in fetches: {
  scope: replies[fetcher.number]
  name: guid(namespaceName, replyQueues[fetcher.number], fetcher.principal, roles.receiver)
  properties: {
    principalId: fetcher.principal
    roleDefinitionId: roles.receiver
  }
}]

var listeners = flatten(map(range(0, length(subscribers)), number => map(receivers, reader => {
  number: number
  principal: reader
})))

resource mayListen 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for listener in listeners: {
  scope: subscriptions[listener.number]
  name: guid(namespaceName, subscribers[listener.number], listener.principal, roles.receiver)
  properties: {
    principalId: listener.principal
    roleDefinitionId: roles.receiver
  }
}]

resource mayOperate 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for operator in operators: {
  scope: commands
  name: guid(commands.id, operator, roles.receiver)
  properties: {
    principalId: operator
    roleDefinitionId: roles.receiver
  }
}]

output namespaceId string = internalNamespace.id
output namespaceName string = internalNamespace.name
