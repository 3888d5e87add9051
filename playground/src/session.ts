/** One chat while the page is open: the AI SDK's `Chat`, its recorder, and what is written down for the next time. */

import { Chat } from '@ai-sdk/react';
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
} from 'ai';
import * as chats from './chats';
import { Recorder } from './recorder';
import { CHAT_API, getTitle, ServerError, stopTurn } from './server';
import { asToolPart, type Message, type Metadata, type Part } from './types';

/** Sends a message of the person's. */
export type Send = (parts: Part[], options?: { metadata?: Metadata; replaces?: string }) => void;

/** Milliseconds before each attempt to take up an answer whose connection was lost. */
const PAUSES = [500, 1000, 2000, 4000, 8000];

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
  /** Whether the server has begun a turn, and nobody has told yet that it ended. */
  #held = false;
  /** What cut the page off from that turn. */
  #lost: TypeError | undefined;
  #attempts = 0;
  /** The messages as they were last read or written, so that an older copy never covers a newer one. */
  #kept: Message[];
  /** Whether the person has answered a call since the last request, so that the turn may go on by itself. */
  #answered = false;

  constructor(readonly id: string) {
    const transport = new DefaultChatTransport<Message>({
      api: CHAT_API,
      fetch: (input, init) => this.#fetch(input, init),
      body: () => (this.model ? { model: this.model } : {}),
    });
    this.chat = new Chat<Message>({
      id,
      messages: chats.readMessages(id),
      transport,
      sendAutomaticallyWhen: ({ messages }) => this.#mayContinue(messages),
      onFinish: ({ isError }) => {
        if (!isError) this.#finished();
      },
      onError: (error) => this.#failed(error),
    });
    this.#kept = this.chat.messages;
  }

  /** Follows the turn that was running when the page was left, if the server still has it. */
  async resume(): Promise<void> {
    if (this.#resumed) return;
    this.#resumed = true;
    if (!chats.find(this.id)?.running) return;
    this.#held = true;
    await this.#takeUp();
  }

  /** Tries once more to follow a turn from which the page was cut off. */
  reconnect(): void {
    if (this.#held && this.chat.status === 'error') void this.#takeUp();
  }

  /** Takes over what another window wrote down about this chat. */
  adopt(): void {
    if (this.isRunning) return;
    this.chat.messages = chats.readMessages(this.id);
    this.#kept = this.chat.messages;
    this.chat.clearError();
  }

  get isRunning(): boolean {
    return this.chat.status === 'submitted' || this.chat.status === 'streaming';
  }

  /** Writes the messages down. */
  save(): void {
    const messages = this.chat.messages;
    if (leaving || sessions.get(this.id) !== this || messages === this.#kept) return;
    if (chats.writeMessages(this.id, messages)) this.#kept = messages;
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

  /** Does once more what failed: follows an answer, goes on with one, or asks for it again. */
  async retry(): Promise<void> {
    this.#attempts = 0;
    if (this.#held && (await this.#takeUp())) return;
    if (!chats.find(this.id)?.titled) void this.#findTitle(textOf(this.chat.messages[0]));
    const last = this.chat.lastMessage;
    const continues =
      last?.role === 'assistant' && last.parts.some((part) => asToolPart(part)?.state === 'approval-responded');
    if (!continues) return this.regenerate();
    this.#reopen();
    const sent = this.chat.sendMessage();
    this.#begun();
    await sent;
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const told = stopTurn(this.id);
    await this.chat.stop();
    this.#ends('stopped');
    this.#finished();
    await told;
  }

  async approve(approvalId: string, approved: boolean, reason?: string): Promise<void> {
    this.#answered = true;
    this.#reopen();
    await this.chat.addToolApprovalResponse({ id: approvalId, approved, ...(reason ? { reason } : {}) });
    this.save();
  }

  async answerCall(tool: string, toolCallId: string, output: unknown): Promise<void> {
    this.#answered = true;
    this.#reopen();
    await this.chat.addToolOutput({ tool: tool as never, toolCallId, output: output as never });
    this.save();
  }

  async refuseCall(tool: string, toolCallId: string, errorText: string): Promise<void> {
    this.#answered = true;
    this.#reopen();
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

  async #fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const response = await this.recorder.fetch(input, init);
    this.#held = response.status === 200;
    // The server does not have the turn any more, so that what cut the page off from it is the end of it.
    if (!this.#held && this.#lost !== undefined) throw this.#lost;
    return response;
  }

  /** Follows the turn that the server may still have. Returns false where it has none. */
  async #takeUp(): Promise<boolean> {
    const before = this.recorder.recording;
    await this.chat.resumeStream();
    if (this.recorder.recording !== before || this.#held) return true;
    chats.update(this.id, { running: false });
    this.#ends('interrupted');
    return false;
  }

  #begun(): void {
    this.#held = false;
    this.#lost = undefined;
    this.#attempts = 0;
    chats.update(this.id, { running: true, updated: Date.now(), ...(this.model ? { model: this.model } : {}) });
    this.save();
  }

  #finished(): void {
    if (leaving || sessions.get(this.id) !== this) return;
    this.#held = false;
    this.#lost = undefined;
    this.#attempts = 0;
    chats.update(this.id, { running: false });
    if (this.recorder.recording?.end === 'abort') this.#ends('aborted');
    this.save();
  }

  #failed(error: Error): void {
    if (leaving || sessions.get(this.id) !== this) return;
    const isCut = error instanceof TypeError;
    if (this.#held && (isCut || error instanceof ServerError)) {
      if (!isCut) return;
      this.#lost = error;
      const pause = PAUSES[this.#attempts];
      this.#attempts += 1;
      if (pause !== undefined) setTimeout(() => this.reconnect(), pause);
      return;
    }
    this.#finished();
    this.#ends('failed');
  }

  /** Notes on the answer why it is not whole. */
  #ends(ended: Metadata['ended']): void {
    const last = this.chat.lastMessage;
    if (last?.role === 'assistant' && last.metadata?.ended === undefined) this.#annotate({ ended });
  }

  /** An answer that goes on has not ended. */
  #reopen(): void {
    if (this.chat.lastMessage?.metadata?.ended !== undefined) this.#annotate({ ended: undefined });
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
addEventListener('online', () => {
  for (const session of sessions.values()) session.reconnect();
});
chats.onWritten((id) => sessions.get(id)?.adopt());
