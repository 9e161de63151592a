// What npm's @azure/service-bus makes of the sandbox: one JSON object, what came of each scenario, on stdout.
// The scenarios are those of service_bus.py, under the same names and with the same results.
"use strict";

const { CONNECTION, LOCK, OPTIONS, Bus, ServiceBusClient, bodies, clock, none, refused } = require("./npm_client.cjs");

const SCENARIOS = {
  async everything_a_sender_gives(bus) {
    await bus.sender().sendMessages({
      body: "é",
      applicationProperties: { text: "t", number: 7, flag: true },
      messageId: "m",
      correlationId: "c",
      contentType: "text/plain",
      subject: "s",
      to: "t",
      replyTo: "r",
    });
    const [got] = await bus.settleAll(bus.receiver(), 1);
    const values = [got.messageId, got.correlationId, got.contentType, got.subject, got.to, got.replyTo];
    return [got.body, got.applicationProperties, values, got.deliveryCount];
  },

  async batches_in_order(bus) {
    const batch = await bus.sender().createMessageBatch();
    for (let number = 0; number < 100; number += 1) batch.tryAddMessage({ body: String(number) });
    await bus.sender().sendMessages(batch);
    const messages = await bus.settleAll(bus.receiver(), 100);
    return messages.every((message, number) => message.body === String(number));
  },

  async large_messages(bus) {
    await bus.send(["x".repeat(200000)]);
    const [message] = await bus.settleAll(bus.receiver(), 1);
    return [message.body.length, await refused(() => bus.sender().sendMessages({ body: "x".repeat(300000) }))];
  },

  async every_way_to_settle(bus) {
    const receiver = bus.receiver();
    const deadLetters = bus.receiver("orders", { subQueueType: "deadLetter" });
    await bus.send(["abandon", "defer", "bury"]);
    const [abandoned] = await bus.receive(receiver);
    await receiver.abandonMessage(abandoned);
    const [again, deferred, buried] = await bus.receive(receiver, 3);
    await receiver.completeMessage(again);
    await receiver.deferMessage(deferred);
    await receiver.deadLetterMessage(buried, { deadLetterReason: "why", deadLetterErrorDescription: "because" });
    const [back] = await receiver.receiveDeferredMessages(deferred.sequenceNumber);
    await receiver.completeMessage(back);
    const [dead] = await bus.settleAll(deadLetters, 1);
    return [
      [again.body, again.deliveryCount],
      back.body,
      [dead.body, dead.deadLetterReason, dead.deadLetterErrorDescription, dead.deadLetterSource],
      await refused(() => receiver.receiveDeferredMessages(deferred.sequenceNumber)),
    ];
  },

  async too_many_deliveries(bus) {
    const receiver = bus.receiver();
    await bus.send(["poison"]);
    for (let time = 0; time < 3; time += 1) {
      const [message] = await bus.receive(receiver);
      await receiver.abandonMessage(message);
    }
    const [dead] = await bus.settleAll(bus.receiver("orders", { subQueueType: "deadLetter" }), 1);
    return [dead.body, dead.deadLetterReason];
  },

  async receive_and_delete(bus) {
    await bus.send(["1", "2"]);
    const messages = await bus.receive(bus.receiver("orders", { receiveMode: "receiveAndDelete" }), 2);
    return [bodies(messages), (await bus.receiver().peekMessages(5)).length];
  },

  async peeking(bus) {
    await bus.send(["1", "2"]);
    const peeked = await bus.receiver().peekMessages(5, { fromSequenceNumber: require("long").ONE });
    await bus.settleAll(bus.receiver(), 2);
    return bodies(peeked);
  },

  async locks_end_and_are_renewed(bus) {
    const receiver = bus.receiver();
    await bus.send(["x"]);
    const [message] = await bus.receive(receiver);
    await clock(LOCK - 10);
    await receiver.renewMessageLock(message);
    await clock(LOCK - 10);
    const still = await none(receiver);
    await clock(LOCK);
    const [again] = await bus.receive(receiver);
    const late = await refused(() => receiver.completeMessage(message));
    await receiver.completeMessage(again);
    return [still, again.deliveryCount, late];
  },

  async scheduling(bus) {
    const when = new Date((await clock()).getTime() + 300000);
    const [first, second] = await bus.sender().scheduleMessages([{ body: "one" }, { body: "two" }], when);
    await bus.sender().cancelScheduledMessages(first);
    const before = await none(bus.receiver());
    await clock(301);
    const [came] = await bus.settleAll(bus.receiver(), 1);
    return [before, came.body, await refused(() => bus.sender().cancelScheduledMessages(second))];
  },

  async duplicates(bus) {
    const receiver = bus.receiver("unique");
    for (let time = 0; time < 2; time += 1) await bus.send(["x"], "unique", { messageId: "same" });
    const first = (await bus.settleAll(receiver, 1)).length;
    const more = await none(receiver);
    await clock(601);
    await bus.send(["x"], "unique", { messageId: "same" });
    return [first, more, (await bus.settleAll(receiver, 1)).length];
  },

  async lives_end(bus) {
    await bus.send(["by its sender"], "brief", { timeToLive: 10000 });
    await clock(11);
    await bus.send(["by the queue"], "brief");
    await clock(61);
    const dead = await bus.settleAll(bus.receiver("brief", { subQueueType: "deadLetter" }), 2);
    return dead.map((message) => [message.body, message.deadLetterReason]);
  },

  async topics_and_rules(bus) {
    await bus.sender("news").sendMessages([
      { body: "yes", subject: "red", applicationProperties: { n: 2 } },
      { body: "no", subject: "blue", applicationProperties: { n: 0 } },
    ]);
    const everything = await bus.settleAll(bus.subscription("everything"), 2);
    const [correlated] = await bus.settleAll(bus.subscription("red"), 1);
    const [changed] = await bus.settleAll(bus.subscription("some"), 1);
    return [
      bodies(everything),
      correlated.body,
      [changed.body, changed.to, Number(changed.applicationProperties.n)],
    ];
  },

  async dead_letters_of_a_subscription(bus) {
    const receiver = bus.subscription("everything");
    await bus.sender("news").sendMessages({ body: "x", subject: "blue" });
    const [message] = await bus.receive(receiver);
    await receiver.deadLetterMessage(message, { deadLetterReason: "r" });
    const [dead] = await bus.settleAll(bus.subscription("everything", { subQueueType: "deadLetter" }), 1);
    return [dead.body, dead.deadLetterReason, dead.deadLetterSource];
  },

  async forwarding(bus) {
    await bus.send(["x"], "front");
    const [message] = await bus.settleAll(bus.receiver(), 1);
    return message.body;
  },

  async sessions(bus) {
    for (const [sessionId, body] of [["a", "1"], ["b", "x"], ["a", "2"]]) {
      await bus.send([body], "sessions", { sessionId });
    }
    const held = await bus.session("a");
    const other = await refused(() => bus.session("a"));
    const free = await bus.client.acceptNextSession("sessions");
    const nextOne = free.sessionId;
    await bus.settleAll(free, 1);
    await free.close();
    const inOrder = bodies(await bus.settleAll(held, 2));
    await held.setSessionState("half done");
    const state = await held.getSessionState();
    await held.setSessionState(null);
    await clock(LOCK - 10);
    await held.renewSessionLock();
    await clock(LOCK - 10);
    await bus.send(["3"], "sessions", { sessionId: "a" });
    const [late] = await bus.receive(held);
    await clock(LOCK);
    const lost = await refused(() => held.completeMessage(late));
    await held.close();
    const again = await bus.session("a");
    const [message] = await bus.settleAll(again, 1);
    await again.close();
    const impatient = new ServiceBusClient(CONNECTION, { retryOptions: { maxRetries: 0, timeoutInMs: 500 } });
    const nobody = await refused(() => impatient.acceptNextSession("sessions"));
    await impatient.close();
    return [other, nextOne, inOrder, state, lost, [message.body, message.deliveryCount], nobody];
  },

  async who_may_do_what() {
    async function attempt(connection, kind, queue) {
      const client = new ServiceBusClient(connection, OPTIONS);
      try {
        if (kind === "sender") return await refused(() => client.createSender(queue).sendMessages({ body: "x" }));
        return await refused(() => client.createReceiver(queue).receiveMessages(1, { maxWaitTimeInMs: 1000 }));
      } finally {
        await client.close();
      }
    }
    return [
      await attempt(CONNECTION.replace("SharedAccessKey=", "SharedAccessKey=wrong"), "sender", "orders"),
      await attempt(process.env.SANDBOX_SEND_ONLY, "sender", "unique"),
      await attempt(process.env.SANDBOX_SEND_ONLY, "receiver", "unique"),
      await attempt(CONNECTION, "sender", "nowhere"),
    ];
  },

  // Only this client has these.
  async rules_made_by_a_client(bus) {
    const rules = bus.client.createRuleManager("news", "red");
    await rules.createRule("sql", { sqlExpression: "n = 5" });
    await rules.createRule("correlated", { correlationId: "c" }, { sqlExpression: "SET sys.Label = 'made'" });
    const twice = await refused(() => rules.createRule("SQL", { sqlExpression: "n = 6" }));
    const names = [];
    for await (const rule of rules.listRules()) names.push(rule.name);
    await bus.sender("news").sendMessages([
      { body: "five", applicationProperties: { n: 5 } },
      { body: "c", correlationId: "c" },
      { body: "neither" },
    ]);
    const got = await bus.settleAll(bus.subscription("red"), 2);
    await bus.settleAll(bus.subscription("everything"), 3);
    await bus.settleAll(bus.subscription("some"), 1);
    await rules.deleteRule("sql");
    await rules.deleteRule("correlated");
    return [names, twice, got.map((message) => [message.body, message.subject ?? null])];
  },

  async subscribing(bus) {
    const receiver = bus.client.createReceiver("orders");
    const seen = [];
    await new Promise((resolve, reject) => {
      receiver.subscribe({
        async processMessage(message) {
          seen.push(message.body);
          if (seen.length === 3) resolve();
        },
        async processError(args) {
          reject(args.error);
        },
      });
      bus.send(["1", "2", "3"]).catch(reject);
    });
    await receiver.close();
    return seen;
  },
};

async function main() {
  const bus = new Bus();
  const seen = {};
  for (const [name, run] of Object.entries(SCENARIOS)) {
    seen[name] = await run(bus);
  }
  await bus.client.close();
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
