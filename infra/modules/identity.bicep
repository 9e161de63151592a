// Two identities: what the service works as, and what the platform uses for it. The second one never reaches the
// containers, so that nothing in them can read the vault, pull images, or look into the queues' settings.

param name string
param location string
param tags object

resource service 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-service'
  location: location
  tags: tags
}

resource platform 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-platform'
  location: location
  tags: tags
}

output serviceId string = service.id
output serviceClientId string = service.properties.clientId
output servicePrincipalId string = service.properties.principalId
output platformId string = platform.id
output platformPrincipalId string = platform.properties.principalId
