/** The chats that this browser keeps, in localStorage: an index of all, and one entry for the messages of each. */

import { erase, read, write } from './storage';
import type { Message } from './types';

export interface ChatEntry {
  id: string;
  title: string;
  /** Whether the title came from the server or from the person; else it is the first words. */
  titled: boolean;
  updated: number;
  /** Whether a turn was running when this was written: after a reload it may still be. */
  running: boolean;
  model?: string;
}

const INDEX = 'mamba.chats';
const MESSAGES = 'mamba.chat.';
const MOST_CHATS = 100;

let entries: ChatEntry[] = readIndex();
let full = false;
const listeners = new Set<() => void>();

export const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Newest first; the same array until something changes. */
export const all = (): ChatEntry[] => entries;

/** Whether something could not be kept, so that it is gone when the page is left. */
export const isFull = (): boolean => full;

export const find = (id: string): ChatEntry | undefined => entries.find((entry) => entry.id === id);

export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `chat-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** Writes what changed in a chat, and makes its entry where there is none. */
export function update(id: string, change: Partial<Omit<ChatEntry, 'id'>>): void {
  const before = find(id) ?? { id, title: 'New chat', titled: false, updated: Date.now(), running: false };
  const rest = entries.filter((entry) => entry.id !== id);
  const next = [...rest, { ...before, ...change }].sort((a, b) => b.updated - a.updated);
  for (const old of next.slice(MOST_CHATS)) erase('localStorage', MESSAGES + old.id);
  replace(next.slice(0, MOST_CHATS));
}

export function remove(id: string): void {
  erase('localStorage', MESSAGES + id);
  full = false;
  replace(entries.filter((entry) => entry.id !== id));
}

/** Calls back when another window has written down the messages of a chat. */
export function onWritten(listener: (id: string) => void): void {
  addEventListener('storage', ({ key, newValue }) => {
    if (key?.startsWith(MESSAGES) && newValue !== null) listener(key.slice(MESSAGES.length));
  });
}

export function readMessages(id: string): Message[] {
  try {
    const found: unknown = JSON.parse(read('localStorage', MESSAGES + id) ?? '[]');
    return Array.isArray(found) ? (found as Message[]) : [];
  } catch {
    return [];
  }
}

/**
 * Where the browser has no room left, the attachments are kept out; then only the page's memory has them. Returns whether
 * all of it was kept.
 */
export function writeMessages(id: string, messages: Message[]): boolean {
  const kept = write('localStorage', MESSAGES + id, JSON.stringify(messages));
  if (full === kept) {
    full = !kept;
    tell();
  }
  if (kept) return true;
  const lighter = messages.map((message) => ({
    ...message,
    parts: message.parts.filter((part) => part.type !== 'file' || part.url.length < 4096),
  }));
  write('localStorage', MESSAGES + id, JSON.stringify(lighter));
  return false;
}

function replace(next: ChatEntry[]): void {
  entries = next;
  full = !write('localStorage', INDEX, JSON.stringify(entries)) || full;
  tell();
}

function tell(): void {
  for (const listener of listeners) listener();
}

function readIndex(): ChatEntry[] {
  try {
    const found: unknown = JSON.parse(read('localStorage', INDEX) ?? '[]');
    return Array.isArray(found) ? (found as ChatEntry[]) : [];
  } catch {
    return [];
  }
}

addEventListener('storage', (event) => {
  if (event.key !== INDEX) return;
  entries = readIndex();
  tell();
});
