// Who is told, and by which way: e-mail, and a channel in Teams.

param name string
param location string
param tags object

@description('E-mail addresses that are told.')
param emails array

@description('The address of a Teams workflow that posts what it is sent into a channel, or none.')
@secure()
param teamsWebhook string

var toTeams = teamsWebhook != 'none'

resource teams 'Microsoft.Logic/workflows@2019-05-01' = if (toTeams) {
  name: '${name}-to-teams'
  location: location
  tags: tags
  properties: {
    state: 'Enabled'
    definition: {
      '$schema': 'https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#'
      contentVersion: '1.0.0.0'
      parameters: {
        webhook: {
          type: 'securestring'
        }
      }
      triggers: {
        alert: {
          type: 'Request'
          kind: 'Http'
          inputs: {
            schema: {}
          }
        }
      }
      actions: {
        post: {
          type: 'Http'
          runAfter: {}
          inputs: {
            method: 'POST'
            uri: '@parameters(\'webhook\')'
            headers: {
              'Content-Type': 'application/json'
            }
            body: {
              type: 'message'
              attachments: [
                {
                  contentType: 'application/vnd.microsoft.card.adaptive'
                  content: {
                    type: 'AdaptiveCard'
                    version: '1.4'
                    body: [
                      {
                        type: 'TextBlock'
                        weight: 'Bolder'
                        wrap: true
                        text: '@{triggerBody()?[\'data\']?[\'essentials\']?[\'alertRule\']}: @{triggerBody()?[\'data\']?[\'essentials\']?[\'monitorCondition\']}'
                      }
                      {
                        type: 'TextBlock'
                        wrap: true
                        text: '@{triggerBody()?[\'data\']?[\'essentials\']?[\'description\']}'
                      }
                    ]
                  }
                }
              ]
            }
          }
          runtimeConfiguration: {
            secureData: {
              properties: [
                'inputs'
              ]
            }
          }
        }
      }
    }
    parameters: {
      webhook: {
        value: teamsWebhook
      }
    }
  }
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-people'
  location: 'Global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'psaconnect'
    emailReceivers: [for (email, index) in emails: {
      name: 'mail-${index}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
    logicAppReceivers: toTeams ? [
      {
        name: 'teams-channel'
        resourceId: teams.id
        callbackUrl: listCallbackURL('${teams.id}/triggers/alert', '2019-05-01').value
        useCommonAlertSchema: true
      }
    ] : []
  }
}

output actionGroupId string = people.id
