// The registry images are pushed to by the pipeline, and pulled from by the platform alone.

param registryName string
param location string
param tags object
param platformPrincipalId string

// The role AcrPull, by its fixed id.
var pullRoleId = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: registryName
  location: location
  tags: tags
  sku: {
    name: 'Basic'
  }
  properties: {
    adminUserEnabled: false
  }
}

resource mayPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, platformPrincipalId, pullRoleId)
  properties: {
    principalId: platformPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: pullRoleId
  }
}

output registryName string = registry.name
output loginServer string = registry.properties.loginServer
