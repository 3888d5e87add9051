/** The chats that this browser keeps, in localStorage: an index of all, and one entry for the messages of each. */

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
const listeners = new Set<() => void>();

export const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Newest first; the same array until something changes. */
export const all = (): ChatEntry[] => entries;

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
  for (const old of next.slice(MOST_CHATS)) localStorage.removeItem(MESSAGES + old.id);
  replace(next.slice(0, MOST_CHATS));
}

export function remove(id: string): void {
  localStorage.removeItem(MESSAGES + id);
  replace(entries.filter((entry) => entry.id !== id));
}

export function readMessages(id: string): Message[] {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(MESSAGES + id) ?? '[]');
    return Array.isArray(read) ? (read as Message[]) : [];
  } catch {
    return [];
  }
}

/** Where the browser has no room left, the attachments are kept out; then only the page's memory has them. */
export function writeMessages(id: string, messages: Message[]): void {
  if (write(MESSAGES + id, JSON.stringify(messages))) return;
  const lighter = messages.map((message) => ({
    ...message,
    parts: message.parts.filter((part) => part.type !== 'file' || part.url.length < 4096),
  }));
  write(MESSAGES + id, JSON.stringify(lighter));
}

function replace(next: ChatEntry[]): void {
  entries = next;
  write(INDEX, JSON.stringify(entries));
  for (const listener of listeners) listener();
}

function readIndex(): ChatEntry[] {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(INDEX) ?? '[]');
    return Array.isArray(read) ? (read as ChatEntry[]) : [];
  } catch {
    return [];
  }
}

function write(key: string, text: string): boolean {
  try {
    localStorage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

addEventListener('storage', (event) => {
  if (event.key !== INDEX) return;
  entries = readIndex();
  for (const listener of listeners) listener();
});
