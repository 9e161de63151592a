// What the scenarios need of npm's @azure/service-bus, and of the sandbox's clock.
"use strict";

const { ServiceBusClient } = require("@azure/service-bus");

const CONNECTION = process.env.SANDBOX_BUS;
const LOCK = 60;
const ERRORS = {
  MessageLockLost: "lock lost",
  SessionLockLost: "session lock lost",
  SessionCannotBeLocked: "session cannot be locked",
  MessageNotFound: "message not found",
  MessagingEntityNotFound: "entity not found",
  MessagingEntityAlreadyExists: "entity exists",
  UnauthorizedAccess: "unauthorized",
  MessageSizeExceeded: "too large",
  ServiceTimeout: "timeout",
};
const OPTIONS = { retryOptions: { maxRetries: 0 } };

async function refused(call) {
  try {
    await call();
  } catch (error) {
    return ERRORS[error.code] ?? `${error.code ?? error.name}: ${error.message}`;
  }
  return "allowed";
}

async function clock(advance) {
  const headers = { Authorization: `Bearer ${process.env.SANDBOX_TOKEN}`, "Content-Type": "application/json" };
  const moved = advance ? { method: "POST", body: JSON.stringify({ advance_seconds: advance }) } : {};
  const answer = await fetch(`${process.env.SANDBOX_URL}/sandbox/clock`, { headers, ...moved });
  if (!answer.ok) throw new Error(await answer.text());
  return new Date((await answer.json()).now);
}

class Bus {
  constructor() {
    this.client = new ServiceBusClient(CONNECTION, OPTIONS);
    this.opened = new Map();
  }

  _open(kind, ...given) {
    const key = JSON.stringify([kind, given]);
    if (!this.opened.has(key)) this.opened.set(key, this.client[kind](...given));
    return this.opened.get(key);
  }

  sender(queue = "orders") {
    return this._open("createSender", queue);
  }

  receiver(queue = "orders", options = {}) {
    return this._open("createReceiver", queue, options);
  }

  subscription(name, options = {}) {
    return this._open("createReceiver", "news", name, options);
  }

  session(sessionId) {
    return this.client.acceptSession("sessions", sessionId);
  }

  async send(bodies, to = "orders", more = {}) {
    await this.sender(to).sendMessages(bodies.map((body) => ({ body, ...more })));
  }

  async receive(receiver, count = 1) {
    const messages = [];
    while (messages.length < count) {
      const more = await receiver.receiveMessages(count - messages.length, { maxWaitTimeInMs: 20000 });
      if (!more.length) throw new Error(`only ${messages.length} of ${count} messages came`);
      messages.push(...more);
    }
    return messages;
  }

  async settleAll(receiver, count) {
    const messages = await this.receive(receiver, count);
    for (const message of messages) await receiver.completeMessage(message);
    return messages;
  }
}

const none = (receiver) => receiver.receiveMessages(1, { maxWaitTimeInMs: 200 }).then((messages) => messages.length);
const bodies = (messages) => messages.map((message) => message.body);

module.exports = { CONNECTION, LOCK, OPTIONS, Bus, ServiceBusClient, bodies, clock, none, refused };
