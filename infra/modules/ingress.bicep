// The namespace Dataverse posts to. Dataverse signs in with a key and comes from outside any network of ours: so this
// namespace takes keys and is reached from the internet, and holds nothing but the one queue that key may send to.
//
// Azure puts a rule RootManageSharedAccessKey on every namespace, which can do everything. Nothing here uses it; nobody
// should: regenerate its keys after deploying, and never hand them out.

param namespaceName string
param location string
param tags object

@allowed([
  'Standard'
  'Premium'
])
param sku string
param queueName string

@description('How the queue keeps, hands out and puts aside its messages.')
param queueProperties object

@description('IPv4 addresses or ranges that may reach the namespace, in CIDR notation; none: any.')
param allowedAddresses array

@description('Whom the service works as.')
param servicePrincipalId string

@description('Whom the platform reads the length of the queue as.')
param platformPrincipalId string

@description('Object ids of who may see what was put aside, and send it again.')
param operators array

@description('The role definitions `receiver`, `sender` and `owner` of Service Bus.')
param roles object

resource ingressNamespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: {
    name: sku
    tier: sku
  }
  properties: {
    disableLocalAuth: false
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource approvals 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = {
  parent: ingressNamespace
  name: queueName
  properties: queueProperties
}

var sendRule = 'dataverse'

// The key Dataverse holds: it can send to this queue, and nothing else anywhere.
resource sendOnly 'Microsoft.ServiceBus/namespaces/queues/authorizationRules@2024-01-01' = {
  parent: approvals
  name: sendRule
  properties: {
    rights: [
      'Send'
    ]
  }
}

resource firewall 'Microsoft.ServiceBus/namespaces/networkRuleSets@2024-01-01' = {
  parent: ingressNamespace
  name: 'default'
  properties: {
    publicNetworkAccess: 'Enabled'
    defaultAction: empty(allowedAddresses) ? 'Allow' : 'Deny'
    ipRules: [for address in allowedAddresses: {
      action: 'Allow'
      ipMask: address
    }]
  }
}

// Delayed retries are copies that the service sends to the queue it receives from.
resource mayReceive 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: approvals
  name: guid(approvals.id, servicePrincipalId, roles.receiver)
  properties: {
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.receiver
  }
}

resource maySend 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: approvals
  name: guid(approvals.id, servicePrincipalId, roles.sender)
  properties: {
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.sender
  }
}

// Scaling reads the length of the queue, which only a right to manage it shows; the platform alone has it.
resource mayLook 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: approvals
  name: guid(approvals.id, platformPrincipalId, roles.owner)
  properties: {
    principalId: platformPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.owner
  }
}

var operatorRoles = flatten(map(operators, operator => map([roles.receiver, roles.sender], role => {
  principal: operator
  role: role
})))

resource mayOperate 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for right in operatorRoles: {
  scope: approvals
  name: guid(approvals.id, right.principal, right.role)
  properties: {
    principalId: right.principal
    roleDefinitionId: right.role
  }
}]

output namespaceId string = ingressNamespace.id
output namespaceName string = ingressNamespace.name
output ruleName string = sendRule
