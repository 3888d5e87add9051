import type { UIMessage } from 'ai';

declare global {
  const __AI_VERSION__: string;
  const __AI_REACT_VERSION__: string;
}

export const AI_VERSION = __AI_VERSION__;
export const AI_REACT_VERSION = __AI_REACT_VERSION__;

/** What a message carries beside its parts: the server's numbers on an answer, this page's notes on either side. */
export interface Metadata {
  model?: string;
  usage?: {
    inputTokens?: number;
    outputTokens?: number;
    totalTokens?: number;
    reasoningTokens?: number;
    cachedInputTokens?: number;
  };
  ttftMs?: number;
  durationMs?: number;
  /** On an answer: why it is not whole. */
  ended?: 'stopped' | 'aborted' | 'interrupted' | 'failed';
  /** On a person's message: the form that it answers. */
  form?: FormAnswer;
}

export interface FormAnswer {
  toolCallId: string;
  title: string;
  values: { label: string; value: string }[];
}

export type Message = UIMessage<Metadata>;
export type Part = Message['parts'][number];

/** What all states of a tool part have in common, whether the tool is static or dynamic. */
export interface ToolPart {
  type: string;
  toolCallId: string;
  toolName?: string;
  title?: string;
  state: string;
  input?: unknown;
  output?: unknown;
  preliminary?: boolean;
  errorText?: string;
  approval?: { id: string; approved?: boolean; reason?: string };
}

/** The part, seen as a tool's; undefined for any other. */
export function asToolPart(part: { type: string }): ToolPart | undefined {
  return part.type === 'dynamic-tool' || part.type.startsWith('tool-') ? (part as ToolPart) : undefined;
}

export function toolNameOf(part: ToolPart): string {
  return part.type === 'dynamic-tool' ? (part.toolName ?? 'tool') : part.type.slice('tool-'.length);
}

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
