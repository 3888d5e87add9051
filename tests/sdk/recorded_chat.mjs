/**
 * What the chats of all client majors have in common: the log of what happened, and waiting for something to
 * happen. A subclass drives one client and offers `status`, `error`, `messages` and the acts of a user.
 */
import { RequestLog } from './recording_fetch.mjs';

const SETTLING_TURNS = 5;

export class RecordedChat {
  constructor({ maxRequests = 10 }) {
    const start = performance.now();
    this.now = () => Math.round((performance.now() - start) * 1000) / 1000;
    this.log = new RequestLog({ limit: maxRequests, changed: () => this.changed(), now: this.now });
    this.events = [];
    this.onToolCall = [];
    this.onFinish = [];
    this.onError = [];
    this.onData = [];
    this.acts = 0;
    this.watchers = new Set();
  }

  /** To be called after every change of anything that a condition may look at. */
  changed() {
    for (const watcher of this.watchers) watcher();
  }

  noteStatus(status) {
    if (this.events.at(-1)?.status === status) return;
    this.events.push({ t: this.now(), status });
    this.changed();
  }

  /**
   * Starts something that a user does; what it rejects with is a finding, kept beside what the client
   * reported.
   */
  act(promise) {
    this.acts += 1;
    Promise.resolve(promise)
      .catch(error => this.onError.push({ message: error.message, unreported: true }))
      .finally(() => {
        this.acts -= 1;
        this.changed();
      });
  }

  /** After an error an answer may stay open: release 4 neither reads nor cancels the rest of one it cannot parse. */
  get idle() {
    return this.acts === 0 && (this.status === 'error' || (this.status === 'ready' && this.log.open === 0));
  }

  /** The wait conditions by name; each takes the command that asks for it. */
  conditions = {
    idle: () => this.idle,
    status: ({ value }) => this.status === value,
    text: ({ value }) => this.lastText().includes(value),
    toolState: ({ value, toolCallId }) => this.toolStates(toolCallId).includes(value),
    requests: ({ value }) => this.log.requests.length >= value,
  };

  /**
   * Resolves to whether the condition came true in time. Being idle has to last: a client decides only after
   * the end of one request whether it sends the next.
   */
  async wait(command) {
    const condition = this.conditions[command.until];
    if (condition === undefined) throw new Error(`There is no condition named ${command.until}.`);
    const deadline = performance.now() + command.timeoutMs;
    for (;;) {
      const met = command.until === 'idle' ? await this.#lasts(condition, command) : condition(command);
      if (met) return true;
      const left = deadline - performance.now();
      if (left <= 0 || !(await this.#change(condition, command, left))) return false;
    }
  }

  async #lasts(condition, command) {
    for (let turn = 0; condition(command); turn += 1) {
      if (turn === SETTLING_TURNS) return true;
      await new Promise(resolve => setImmediate(resolve));
    }
    return false;
  }

  #change(condition, command, timeoutMs) {
    if (condition(command)) return true;
    return new Promise(resolve => {
      const finish = outcome => {
        clearTimeout(timer);
        this.watchers.delete(watcher);
        resolve(outcome);
      };
      const timer = setTimeout(() => finish(false), timeoutMs);
      const watcher = () => condition(command) && finish(true);
      this.watchers.add(watcher);
    });
  }

  lastText() {
    const last = this.messages.at(-1);
    if (last?.role !== 'assistant') return '';
    return (last.parts ?? []).map(part => (part.type === 'text' ? part.text : '')).join('');
  }

  toolStates(toolCallId) {
    return (this.messages.at(-1)?.parts ?? [])
      .map(part => part.toolInvocation ?? part)
      .filter(tool => tool.toolCallId !== undefined && tool.toolCallId === (toolCallId ?? tool.toolCallId))
      .map(tool => tool.state);
  }

  state() {
    return {
      id: this.id,
      status: this.status,
      error: this.error ? { name: this.error.name, message: this.error.message } : null,
      messages: this.messages,
      events: this.events,
      requests: this.log.requests,
      looped: this.log.looped,
      onToolCall: this.onToolCall,
      onFinish: this.onFinish,
      onError: this.onError,
      onData: this.onData,
    };
  }
}
