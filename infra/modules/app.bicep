// The service itself: no way in from outside, scaled by the length of its two queues.

param name string
param location string
param tags object
param environmentId string
param image string
param registryServer string
param serviceIdentityId string
param serviceClientId string
param platformIdentityId string

@description('The settings, as environment variables.')
param settings array

@description('The text of a profile; empty: none.')
param profileText string

@description('Where the vault holds the connection string of telemetry.')
param telemetryUri string
param cpu string
param memory string
param healthPort int
param minReplicas int
param maxReplicas int

@description('Messages waiting in a queue for which one more replica is started.')
param messagesPerReplica int

@description('Seconds from being asked to stop to being ended.')
param terminationGrace int
param approvalsNamespace string
param approvalsQueue string
param commandsNamespace string
param commandsQueue string

@description('The cloud by the name the scaler knows it by.')
param scalerCloud string

// A profile is no secret, but a secret is the one thing Container Apps shows a container as a file.
var profileSecrets = empty(profileText) ? [] : [
  {
    name: 'profile'
    value: profileText
  }
]
var profileVolumes = empty(profileText) ? [] : [
  {
    name: 'profile'
    storageType: 'Secret'
    secrets: [
      {
        secretRef: 'profile'
        path: 'profile.toml'
      }
    ]
  }
]
var profileMounts = empty(profileText) ? [] : [
  {
    volumeName: 'profile'
    mountPath: '/etc/psa-connector-profile'
  }
]

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${serviceIdentityId}': {}
      '${platformIdentityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      identitySettings: [
        {
          identity: serviceIdentityId
          lifecycle: 'Main'
        }
        {
          identity: platformIdentityId
          lifecycle: 'None'
        }
      ]
      registries: [
        {
          server: registryServer
          identity: platformIdentityId
        }
      ]
      secrets: concat([
        {
          name: 'telemetry'
          keyVaultUrl: telemetryUri
          identity: platformIdentityId
        }
      ], profileSecrets)
    }
    template: {
      terminationGracePeriodSeconds: terminationGrace
      containers: [
        {
          name: 'service'
          image: image
          command: [
            'psa-connector'
          ]
          args: [
            'run'
          ]
          env: concat(settings, [
            {
              name: 'PSA_CONNECTOR_DATAVERSE__CLIENT_ID'
              value: serviceClientId
            }
            {
              name: 'PSA_CONNECTOR_HEALTH__PORT'
              value: string(healthPort)
            }
            {
              name: 'PSA_CONNECTOR_HEALTH__ADDRESS'
              value: '0.0.0.0'
            }
            {
              name: 'PSA_CONNECTOR_TELEMETRY__CONNECTION_STRING'
              secretRef: 'telemetry'
            }
          ])
          resources: {
            cpu: json(cpu)
            memory: memory
          }
          probes: [
            {
              // Not `/started`: a process that waits for Dataverse or Service Bus knows how long it was told to wait,
              // and a new one would ask at once.
              type: 'Startup'
              httpGet: {
                path: '/live'
                port: healthPort
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 30
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/ready'
                port: healthPort
              }
              periodSeconds: 15
              timeoutSeconds: 5
              failureThreshold: 3
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/live'
                port: healthPort
              }
              periodSeconds: 30
              timeoutSeconds: 5
              failureThreshold: 3
            }
          ]
          volumeMounts: concat([
            {
              volumeName: 'scratch'
              mountPath: '/tmp'
            }
          ], profileMounts)
        }
      ]
      volumes: concat([
        {
          name: 'scratch'
          storageType: 'EmptyDir'
        }
      ], profileVolumes)
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        rules: [
          {
            name: 'approvals'
            custom: {
              type: 'azure-servicebus'
              identity: platformIdentityId
              metadata: {
                namespace: approvalsNamespace
                queueName: approvalsQueue
                messageCount: string(messagesPerReplica)
                cloud: scalerCloud
              }
            }
          }
          {
            name: 'commands'
            custom: {
              type: 'azure-servicebus'
              identity: platformIdentityId
              metadata: {
                namespace: commandsNamespace
                queueName: commandsQueue
                messageCount: string(messagesPerReplica)
                cloud: scalerCloud
              }
            }
          }
        ]
      }
    }
  }
}

output appName string = app.name
