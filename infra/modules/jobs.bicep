// What is done by the clock. A job that ends with another exit code than 0 has failed, which raises an alarm: 4 says that
// something is left for a person, 3 that a setting or a right is missing, 1 that it did not work.

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

@description('Each with its `name`, `args`, `schedule` (cron, in UTC), and `timeout` in seconds.')
param jobs array
param cpu string
param memory string

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

resource scheduled 'Microsoft.App/jobs@2025-01-01' = [for job in jobs: {
  name: '${name}-${job.name}'
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
      triggerType: 'Schedule'
      scheduleTriggerConfig: {
        cronExpression: job.schedule
        parallelism: 1
        replicaCompletionCount: 1
      }
      replicaTimeout: job.timeout
      replicaRetryLimit: 0
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
      containers: [
        {
          name: job.name
          image: image
          command: [
            'psa-connector'
          ]
          args: job.args
          env: concat(settings, [
            {
              name: 'PSA_CONNECTOR_DATAVERSE__CLIENT_ID'
              value: serviceClientId
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
    }
  }
}]

output jobNames array = [for (job, index) in jobs: scheduled[index].name]
