/** One chat while the page is open: the AI SDK's `Chat`, its recorder, and what is written down for the next time. */

import { Chat } from '@ai-sdk/react';
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
} from 'ai';
import * as chats from './chats';
import { Recorder } from './recorder';
import { CHAT_API, getTitle, stopTurn } from './server';
import { asToolPart, type Message, type Metadata, type Part } from './types';

/** Sends a message of the person's. */
export type Send = (parts: Part[], options?: { metadata?: Metadata; replaces?: string }) => void;

const sessions = new Map<string, Session>();
let leaving = false;

/** The session of a chat, opened at its first use; a chat that was left in the middle of a turn takes it up again. */
export function sessionOf(id: string): Session {
  let session = sessions.get(id);
  if (session === undefined) {
    session = new Session(id);
    sessions.set(id, session);
  }
  return session;
}

export function forget(id: string): void {
  const session = sessions.get(id);
  sessions.delete(id);
  chats.remove(id);
  void session?.stop();
}

export class Session {
  readonly chat: Chat<Message>;
  readonly recorder = new Recorder();
  /** The model that the page shows for this chat: the one that is asked. */
  model: string | undefined;
  #resumed = false;
  /** Whether the person has answered a call since the last request, so that the turn may go on by itself. */
  #answered = false;

  constructor(readonly id: string) {
    const transport = new DefaultChatTransport<Message>({
      api: CHAT_API,
      fetch: this.recorder.fetch,
      body: () => (this.model ? { model: this.model } : {}),
    });
    this.chat = new Chat<Message>({
      id,
      messages: chats.readMessages(id),
      transport,
      sendAutomaticallyWhen: ({ messages }) => this.#mayContinue(messages),
      onFinish: () => this.#finished(),
      onError: () => this.#finished(),
    });
  }

  /** Follows the turn that was running when the page was left, if the server still has it. */
  async resume(): Promise<void> {
    if (this.#resumed) return;
    this.#resumed = true;
    if (!chats.find(this.id)?.running) return;
    const before = this.recorder.recording;
    await this.chat.resumeStream();
    if (this.recorder.recording !== before) return;
    chats.update(this.id, { running: false });
    if (this.chat.lastMessage?.role === 'assistant') this.#annotate({ ended: 'interrupted' });
  }

  /** Writes the messages down. */
  save(): void {
    if (!leaving && sessions.get(this.id) === this) chats.writeMessages(this.id, this.chat.messages);
  }

  /** Sends parts, not text: only then is the message in the chat at once. */
  async send(parts: Part[], options: { metadata?: Metadata; replaces?: string } = {}): Promise<void> {
    const isFirst = this.chat.messages.length === 0;
    const { metadata, replaces: messageId } = options;
    const sent = this.chat.sendMessage({ role: 'user', parts, metadata, messageId });
    this.#begun();
    if (isFirst) void this.#findTitle(textOf(this.chat.messages[0]));
    await sent;
  }

  async regenerate(messageId?: string): Promise<void> {
    const sent = this.chat.regenerate(messageId === undefined ? {} : { messageId });
    this.#begun();
    await sent;
  }

  /** Does once more what failed: the continuation of an answer, or the answer. */
  async retry(): Promise<void> {
    const last = this.chat.lastMessage;
    const continues =
      last?.role === 'assistant' && last.parts.some((part) => asToolPart(part)?.state === 'approval-responded');
    if (!continues) return this.regenerate();
    const sent = this.chat.sendMessage();
    this.#begun();
    await sent;
  }

  async stop(): Promise<void> {
    const isRunning = this.chat.status === 'submitted' || this.chat.status === 'streaming';
    if (!isRunning) return;
    const told = stopTurn(this.id);
    await this.chat.stop();
    if (this.chat.lastMessage?.role === 'assistant') this.#annotate({ ended: 'stopped' });
    this.#finished();
    await told;
  }

  async approve(approvalId: string, approved: boolean, reason?: string): Promise<void> {
    this.#answered = true;
    await this.chat.addToolApprovalResponse({ id: approvalId, approved, ...(reason ? { reason } : {}) });
    this.save();
  }

  async answerCall(tool: string, toolCallId: string, output: unknown): Promise<void> {
    this.#answered = true;
    await this.chat.addToolOutput({ tool: tool as never, toolCallId, output: output as never });
    this.save();
  }

  async refuseCall(tool: string, toolCallId: string, errorText: string): Promise<void> {
    this.#answered = true;
    await this.chat.addToolOutput({ state: 'output-error', tool: tool as never, toolCallId, errorText });
    this.save();
  }

  #mayContinue(messages: Message[]): boolean {
    const complete =
      this.#answered &&
      (lastAssistantMessageIsCompleteWithToolCalls({ messages }) ||
        lastAssistantMessageIsCompleteWithApprovalResponses({ messages }));
    if (complete) {
      this.#answered = false;
      queueMicrotask(() => this.#begun());
    }
    return complete;
  }

  #begun(): void {
    chats.update(this.id, { running: true, updated: Date.now(), ...(this.model ? { model: this.model } : {}) });
    this.save();
  }

  #finished(): void {
    if (leaving || sessions.get(this.id) !== this) return;
    chats.update(this.id, { running: false });
    this.save();
  }

  #annotate(note: Metadata): void {
    const messages = this.chat.messages;
    const last = messages[messages.length - 1];
    if (last === undefined) return;
    this.chat.messages = [...messages.slice(0, -1), { ...last, metadata: { ...last.metadata, ...note } }];
    this.save();
  }

  async #findTitle(words: string): Promise<void> {
    if (!chats.find(this.id)?.titled) chats.update(this.id, { title: firstWords(words) });
    if (!words) return;
    const title = await getTitle(words.slice(0, 2000), this.id);
    if (title && sessions.get(this.id) === this) chats.update(this.id, { title, titled: true });
  }
}

export function textOf(message: Message | undefined): string {
  const texts = message?.parts.map((part) => (part.type === 'text' ? part.text : '')) ?? [];
  return texts.filter(Boolean).join('\n\n');
}

/** Whether the answer waits for the person: a verdict, or the result of a call that the page carries out. */
export function waitsForPerson(message: Message | undefined): boolean {
  return (
    message?.role === 'assistant' &&
    message.parts.some((part) => ['approval-requested', 'input-available'].includes(asToolPart(part)?.state ?? ''))
  );
}

function firstWords(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  if (line.length <= 42) return line || 'New chat';
  return `${line.slice(0, 42).replace(/\s+\S*$/, '')}…`;
}

// A reload cuts the stream like any other failure; what was written before it is what counts.
addEventListener('pagehide', () => {
  for (const session of sessions.values()) session.save();
  leaving = true;
});
addEventListener('pageshow', () => {
  leaving = false;
});
