// The network of the containers, and by parameter one fixed address for everything that leaves it, for firewalls that want
// to know it.

param name string
param location string
param tags object

@description('The network, a /24 or larger; its first /24 is the subnet of the containers.')
param addressSpace string

@description('Whether everything leaves by one fixed address.')
param fixedAddress bool

resource address 'Microsoft.Network/publicIPAddresses@2024-05-01' = if (fixedAddress) {
  name: '${name}-egress'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
  }
}

resource gateway 'Microsoft.Network/natGateways@2024-05-01' = if (fixedAddress) {
  name: '${name}-nat'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    idleTimeoutInMinutes: 10
    publicIpAddresses: [
      {
        id: address.id
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: '${name}-network'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressSpace
      ]
    }
    subnets: [
      {
        name: 'containers'
        properties: {
          addressPrefix: cidrSubnet(addressSpace, 24, 0)
          natGateway: fixedAddress ? {
            id: gateway.id
          } : null
          delegations: [
            {
              name: 'container-apps'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
    ]
  }
}

output subnetId string = '${network.id}/subnets/containers'
output egressAddress string = fixedAddress ? address.properties.ipAddress : ''
