/**
 * A chat on the client of releases 5, 6 and 7: the package's own `AbstractChat` and transport over a state
 * kept in memory, which is what the React, Vue and Svelte packages add to it as well.
 */
import { RecordedChat } from './recorded_chat.mjs';
import { metadataSchema } from './metadata_schema.mjs';

const PREDICATES = {
  tools: 'lastAssistantMessageIsCompleteWithToolCalls',
  approvals: 'lastAssistantMessageIsCompleteWithApprovalResponses',
};
const TRANSPORTS = { data: 'DefaultChatTransport', text: 'TextStreamChatTransport' };

export async function openUiMessageChat(sdk, options) {
  const schema = options.zodMetadata ? await metadataSchema() : undefined;
  const chat = new UiMessageChat(sdk, options, schema);
  if (options.resume) chat.resume();
  return chat;
}

class UiMessageChat extends RecordedChat {
  constructor(sdk, options, messageMetadataSchema) {
    super(options);
    const { api, headers, body, clientTools = {}, transport = 'data' } = options;
    class Chat extends sdk.AbstractChat {}
    this.chat = new Chat({
      ...(options.id !== undefined && { id: options.id }),
      ...(messageMetadataSchema && { messageMetadataSchema }),
      state: new ObservedState(options.messages ?? [], this),
      transport: new sdk[TRANSPORTS[transport]]({ api, headers, body, fetch: this.log.fetch }),
      sendAutomaticallyWhen: this.#automatically(sdk, options.autoSend ?? 'none'),
      onToolCall: ({ toolCall }) => {
        this.onToolCall.push(structuredClone(toolCall));
        const { toolName: tool, toolCallId } = toolCall;
        if (!Object.hasOwn(clientTools, tool)) return;
        this.toolOutput({ tool, toolCallId, output: clientTools[tool] });
      },
      onFinish: ({ messages, ...finish }) => this.onFinish.push(structuredClone(finish)),
      onError: error => this.onError.push({ name: error.name, message: error.message }),
      onData: part => this.onData.push(structuredClone(part)),
    });
  }

  /**
   * The application's choice when to send by itself; false once the request limit is hit, or 5.0.0 would
   * never end.
   */
  #automatically(sdk, autoSend) {
    const names = autoSend === 'none' ? [] : autoSend === 'both' ? Object.keys(PREDICATES) : [autoSend];
    if (names.length === 0) return undefined;
    const predicates = names.map(name => sdk[PREDICATES[name]]).filter(predicate => predicate !== undefined);
    if (predicates.length === 0) throw new Error(`This release has no automatic sending for ${autoSend}.`);
    return ({ messages }) => !this.log.looped && predicates.some(predicate => predicate({ messages }));
  }

  get id() {
    return this.chat.id;
  }

  get status() {
    return this.chat.status;
  }

  get error() {
    return this.chat.error;
  }

  get messages() {
    return this.chat.messages;
  }

  send({ text, files, metadata, body }) {
    const message = text === undefined && files === undefined ? undefined : { text, files, metadata };
    this.act(this.chat.sendMessage(message, { body }));
  }

  edit({ messageId, text, files, metadata, body }) {
    this.act(this.chat.sendMessage({ text, files, metadata, messageId }, { body }));
  }

  regenerate({ messageId, body }) {
    this.act(this.chat.regenerate({ messageId, body }));
  }

  stop() {
    this.act(this.chat.stop());
  }

  resume() {
    this.act(this.chat.resumeStream());
  }

  toolOutput({ tool, toolCallId, output = null, errorText }) {
    const add = this.chat.addToolOutput ?? this.chat.addToolResult;
    if (errorText === undefined) {
      this.act(add({ tool, toolCallId, output }));
    } else if (this.chat.addToolOutput !== undefined) {
      this.act(add({ state: 'output-error', tool, toolCallId, errorText }));
    } else {
      throw new Error('This release has no way to report that a tool failed.');
    }
  }

  approve({ approvalId, approved, reason }) {
    if (this.chat.addToolApprovalResponse === undefined) throw new Error('This release has no approvals.');
    this.act(this.chat.addToolApprovalResponse({ id: approvalId, approved, reason }));
  }
}

/** The state that `AbstractChat` asks for. It keeps copies, as the packages for the view libraries do. */
class ObservedState {
  #status = 'ready';
  #messages;
  #observer;
  error = undefined;

  constructor(messages, observer) {
    this.#messages = messages;
    this.#observer = observer;
    observer.events.push({ t: observer.now(), status: this.#status });
  }

  get status() {
    return this.#status;
  }

  set status(status) {
    this.#status = status;
    this.#observer.noteStatus(status);
  }

  get messages() {
    return this.#messages;
  }

  set messages(messages) {
    this.#messages = [...messages];
    this.#observer.changed();
  }

  pushMessage = message => {
    this.messages = [...this.#messages, message];
  };

  popMessage = () => {
    this.messages = this.#messages.slice(0, -1);
  };

  replaceMessage = (index, message) => {
    this.messages = this.#messages.with(index, this.snapshot(message));
  };

  snapshot = thing => structuredClone(thing);
}
