// A test environment: small, and asleep while nothing is approved.
using '../main.bicep'

param name = 'psatest'
param dataverseUrl = 'https://contoso-test.crm4.dynamics.com'
param creator = 'service'
param startFrom = '2026-01-01'
param businessTimeZone = 'Europe/Berlin'
param image = readEnvironmentVariable('PSA_CONNECTOR_IMAGE')
param minReplicas = 0
param maxReplicas = 1
param alertEmails = [
  'psa-test@contoso.com'
]
param retentionDays = 30
param moreSettings = {
  PSA_CONNECTOR_CEILING__ROWS: '50'
}
