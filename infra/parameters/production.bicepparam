// Production: always awake, its own address, two replicas, and answers for Power Automate.
using '../main.bicep'

param name = 'psaprod'
param dataverseUrl = 'https://contoso.crm4.dynamics.com'
param organizationId = '3b1c7f6e-0000-4000-8000-000000000001'
param creator = 'service'
param startFrom = '2026-01-01'
param businessTimeZone = 'Europe/Berlin'
// Set both variables for every deployment, or it ends before it begins: `none` says that there is none.
param image = readEnvironmentVariable('PSA_CONNECTOR_IMAGE')
param minReplicas = 1
param maxReplicas = 2
param staticEgress = true
param repliesQueue = 'replies'
param replyQueues = [
  'flow-replies'
]
param replyReaders = [
  '3b1c7f6e-0000-4000-8000-000000000002'
]
param eventsTopic = 'invoices'
param eventSubscriptions = [
  'finance'
]
param eventReaders = [
  '3b1c7f6e-0000-4000-8000-000000000003'
]
param operators = [
  '3b1c7f6e-0000-4000-8000-000000000004'
]
param alertEmails = [
  'psa-operations@contoso.com'
]
param teamsWebhook = readEnvironmentVariable('PSA_CONNECTOR_TEAMS_WEBHOOK')
param retentionDays = 365
