// What npm's dynamics-web-api sees of the sandbox at SANDBOX_URL with SANDBOX_TOKEN: one JSON object on stdout, by name.
const { DynamicsWebApi } = require("dynamics-web-api");

const api = new DynamicsWebApi({
  serverUrl: process.env.SANDBOX_URL,
  dataApi: { version: "9.2" },
  onTokenRefresh: async () => process.env.SANDBOX_TOKEN,
});
const mark = "dynamics-web-api";
const refusal = (error) => ({ status: error.status, code: error.code });
const attempt = async (work) => { try { return await work(); } catch (error) { return refusal(error); } };

const scenarios = {
  async records() {
    const made = await api.create({ collection: "accounts", data: { name: mark, telephone1: "1" } });
    const key = typeof made === "string" ? made : made.accountid;
    await api.update({ collection: "accounts", key, data: { telephone1: "2" } });
    const row = await api.retrieve({ collection: "accounts", key, select: ["name", "telephone1"] });
    const stale = await attempt(() =>
      api.update({ collection: "accounts", key, data: { telephone1: "3" }, ifmatch: 'W/"1"' }));
    const fresh = await api.update({
      collection: "accounts", key, data: { telephone1: "4" }, ifmatch: row["@odata.etag"], returnRepresentation: true });
    await api.deleteRecord({ collection: "accounts", key });
    const gone = await attempt(() => api.retrieve({ collection: "accounts", key, select: ["name"] }));
    return { name: row.name, telephone: row.telephone1, stale, fresh: fresh.telephone1, gone };
  },
  async upserts() {
    const key = "6d0f4f0a-0000-4000-8000-000000000001";
    const only = await attempt(() => api.upsert({ collection: "accounts", key, data: { name: "u" }, ifmatch: "*" }));
    await api.upsert({ collection: "accounts", key, data: { name: "made" }, ifnonematch: "*" });
    const again = await api.upsert({ collection: "accounts", key, data: { name: "again" }, ifnonematch: "*" });
    const row = await api.retrieve({ collection: "accounts", key, select: ["name"] });
    return { only, again, name: row.name };
  },
  async batch() {
    api.startBatch();
    api.create({ collection: "accounts", data: { name: "in a set" }, contentId: "1" });
    api.create({ collection: "contacts", data: {
      lastname: "in a set", "parentcustomerid_account@odata.bind": "$1" } });
    const results = await api.executeBatch();
    const rows = await api.retrieveMultiple({
      collection: "contacts", select: ["lastname"], filter: "lastname eq 'in a set'",
      expand: [{ property: "parentcustomerid_account", select: ["name"] }] });
    return { results: results.length, account: rows.value[0].parentcustomerid_account.name };
  },
  async failingBatch() {
    api.startBatch();
    api.create({ collection: "accounts", data: { name: "undone" } });
    api.update({ collection: "accounts", key: "6d0f4f0a-0000-4000-8000-00000000dead", data: { name: "x" }, ifmatch: "*" });
    const told = await api.executeBatch().then(() => "no refusal", (errors) => [].concat(errors).map(refusal));
    const left = await api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: "name eq 'undone'" });
    return { told, left: left.value.length };
  },
  async pages() {
    for (let number = 0; number < 7; number++) {
      await api.create({ collection: "accounts", data: { name: `page ${number}` } });
    }
    const query = { collection: "accounts", select: ["name"], filter: "startswith(name,'page')", orderBy: ["name"] };
    const first = await api.retrieveMultiple({ ...query, maxPageSize: 3, count: true });
    const second = await api.retrieveMultiple({ ...query, maxPageSize: 3 }, first.oDataNextLink);
    const all = await api.retrieveAll(query);
    return { sizes: [first.value.length, second.value.length], count: first.oDataCount, all: all.value.length };
  },
  async functions() {
    const who = await api.callFunction({ functionName: "WhoAmI" });
    return { user: who.UserId };
  },
  async changes() {
    const query = { collection: "accounts", select: ["name"] };
    const before = await api.retrieveMultiple({ ...query, trackChanges: true });
    await api.create({ collection: "accounts", data: { name: "tracked" } });
    const after = await api.retrieveMultiple(query, before.oDataDeltaLink);
    return { names: after.value.map((row) => row.name) };
  },
  async references() {
    const account = await api.create({ collection: "accounts", data: { name: "one" }, returnRepresentation: true });
    const contact = await api.create({ collection: "contacts", data: { lastname: "many" }, returnRepresentation: true });
    const many = { collection: "accounts", primaryKey: account.accountid, relationshipName: "contact_customer_accounts",
      relatedCollection: "contacts", relatedKey: contact.contactid };
    const one = { collection: "accounts", primaryKey: account.accountid, navigationProperty: "primarycontactid",
      relatedCollection: "contacts", relatedKey: contact.contactid };
    const seen = async () => {
      const row = await api.retrieve({ collection: "accounts", key: account.accountid, select: ["_primarycontactid_value"],
        expand: [{ property: "contact_customer_accounts", select: ["lastname"] }] });
      return [row._primarycontactid_value === contact.contactid, row.contact_customer_accounts.length];
    };
    await api.associate(many);
    await api.associateSingleValued(one);
    const there = await seen();
    await api.disassociate(many);
    await api.disassociateSingleValued(one);
    return { there, gone: await seen() };
  },
  async metadata() {
    const label = (text) => ({ LocalizedLabels: [{ Label: text, LanguageCode: 1033 }] });
    const crm = "Microsoft.Dynamics.CRM.";
    await api.createEntity({ data: { "@odata.type": `${crm}EntityMetadata`, SchemaName: "npm_Thing", OwnershipType: "UserOwned",
      DisplayName: label("Thing"), Attributes: [
        { "@odata.type": `${crm}StringAttributeMetadata`, SchemaName: "npm_Name", IsPrimaryName: true, MaxLength: 50 }] } });
    await api.createRelationship({ data: { "@odata.type": `${crm}OneToManyRelationshipMetadata`,
      SchemaName: "npm_account_Thing", ReferencedEntity: "account", ReferencingEntity: "npm_thing",
      Lookup: { "@odata.type": `${crm}LookupAttributeMetadata`, SchemaName: "npm_Account" } } });
    await api.createGlobalOptionSet({ data: { "@odata.type": `${crm}OptionSetMetadata`, Name: "npm_Choice",
      OptionSetType: "Picklist", Options: [{ Value: 1, Label: label("One") }] } });
    const choices = await api.retrieveGlobalOptionSets();
    const attributes = await api.retrieveAttributes({
      entityKey: "LogicalName='npm_thing'", filter: "LogicalName eq 'npm_account'", select: ["LogicalName"] });
    return { choices: choices.value.map((one) => one.Name), attributes: attributes.value.map((one) => one.LogicalName) };
  },
  async refused() {
    const fetched = await attempt(() => api.fetch({ collection: "accounts", fetchXml: "<fetch/>" }));
    return { fetched: fetched.code, status: fetched.status };
  },
};

(async () => {
  const found = {};
  for (const [name, scenario] of Object.entries(scenarios)) {
    found[name] = await scenario().catch((error) => ({ failed: String(error.message ?? error), ...refusal(error) }));
  }
  console.log(JSON.stringify(found));
})();
