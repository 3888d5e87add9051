/**
 * A chat on the client of release 4: the real `useChat` hook of `@ai-sdk/react`, mounted without a page. Its
 * own cache is given to each chat anew, so that two chats of one id are two tabs.
 */
import { createElement, useEffect } from 'react';
import { create } from 'react-test-renderer';
import { SWRConfig } from 'swr';
import { useChat } from '@ai-sdk/react';
import { RecordedChat } from './recorded_chat.mjs';

export async function openDataStreamChat(options) {
  const chat = new DataStreamChat(options);
  await chat.mounted;
  if (options.resume) chat.resume();
  return chat;
}

class DataStreamChat extends RecordedChat {
  constructor(options) {
    super(options);
    const { api, id, headers, body, clientTools = {}, transport = 'data', autoSend = 'none' } = options;
    const hookOptions = {
      api,
      id,
      headers,
      body,
      initialMessages: options.messages ?? [],
      streamProtocol: transport,
      maxSteps: autoSend === 'none' ? 1 : this.log.limit + 1,
      fetch: this.log.fetch,
      onToolCall: ({ toolCall }) => {
        this.onToolCall.push(structuredClone(toolCall));
        return Object.hasOwn(clientTools, toolCall.toolName) ? clientTools[toolCall.toolName] : undefined;
      },
      onFinish: (message, finish) => this.onFinish.push(structuredClone({ message, ...finish })),
      onError: error => this.onError.push({ name: error.name, message: error.message }),
    };
    this.mounted = new Promise(resolve => {
      const Page = () => {
        this.hook = useChat(hookOptions);
        useEffect(() => {
          this.noteStatus(this.hook.status);
          this.changed();
          resolve();
        });
        return null;
      };
      const fresh = { value: { provider: () => new Map() } };
      create(createElement(SWRConfig, fresh, createElement(Page)));
    });
  }

  get id() {
    return this.hook.id;
  }

  get status() {
    return this.hook.status;
  }

  get error() {
    return this.hook.error;
  }

  get messages() {
    return this.hook.messages;
  }

  send({ text, files, body }) {
    if (text === undefined && files === undefined) throw new Error('This release sends new messages only.');
    const attachments = files?.map(file => ({ contentType: file.mediaType, name: file.filename, url: file.url }));
    const message = { role: 'user', content: text ?? '' };
    this.act(this.hook.append(message, { body, experimental_attachments: attachments }));
  }

  /** Release 4 leaves it to the application: it rewrites the history and asks for the answer again. */
  edit({ messageId, text, body }) {
    const index = this.messages.findIndex(message => message.id === messageId);
    if (index < 0) throw new Error(`There is no message ${messageId}.`);
    const { id, role, createdAt } = this.messages[index];
    const edited = { id, role, createdAt, content: text, parts: [{ type: 'text', text }] };
    this.hook.setMessages([...this.messages.slice(0, index), edited]);
    this.act(this.hook.reload({ body }));
  }

  regenerate({ messageId, body }) {
    if (messageId !== undefined) throw new Error('This release regenerates the last message only.');
    this.act(this.hook.reload({ body }));
  }

  stop() {
    this.hook.stop();
  }

  resume() {
    this.act(this.hook.experimental_resume());
  }

  toolOutput({ toolCallId, output = null, errorText }) {
    if (errorText !== undefined) throw new Error('This release has no way to report that a tool failed.');
    this.hook.addToolResult({ toolCallId, result: output });
  }

  approve() {
    throw new Error('This release has no approvals.');
  }

  state() {
    return { ...super.state(), onData: this.hook.data ?? [] };
  }
}
