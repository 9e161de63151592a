// The vault, and the two secrets there are: where telemetry goes, and the key Dataverse posts with. Both are put here by
// this deployment, straight from where they are made: nobody types, prints or passes them on.

param vaultName string
param location string
param tags object
param tenantId string
param insightsName string
param approvalsNamespace string
param approvalsQueue string
param approvalsRule string

@description('Whom the platform fetches secrets as.')
param platformPrincipalId string

@description('Object ids of who runs `psa-connector register`, and needs the key for it.')
param registrars array

// The role Key Vault Secrets User, by its fixed id.
var secretsUserRoleId = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6')

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: vaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource sendOnly 'Microsoft.ServiceBus/namespaces/queues/authorizationRules@2024-01-01' existing = {
  name: '${approvalsNamespace}/${approvalsQueue}/${approvalsRule}'
}

resource telemetry 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'telemetry-connection-string'
  properties: {
    value: insights.properties.ConnectionString
  }
}

var eventSenderSecret = 'event-sender'

resource eventSender 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: eventSenderSecret
  properties: {
    value: sendOnly.listKeys().primaryConnectionString
  }
}

// The containers need the first secret; the key is for people who register, and not for the service.
resource platformReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: telemetry
  name: guid(telemetry.id, platformPrincipalId, secretsUserRoleId)
  properties: {
    principalId: platformPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: secretsUserRoleId
  }
}

resource registrarReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for registrar in registrars: {
  scope: eventSender
  name: guid(eventSender.id, registrar, secretsUserRoleId)
  properties: {
    principalId: registrar
    roleDefinitionId: secretsUserRoleId
  }
}]

output vaultName string = vault.name
output telemetryUri string = telemetry.properties.secretUri
output eventSenderName string = eventSenderSecret
