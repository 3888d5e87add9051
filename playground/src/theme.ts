/** Light or dark: what the person chose, else what the system says. */

import { read, write } from './storage';

const KEY = 'mamba.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

export type Theme = 'light' | 'dark';

export const current = (): Theme => (document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light');

export const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function toggle(): void {
  const next: Theme = current() === 'dark' ? 'light' : 'dark';
  write('localStorage', KEY, next);
  apply(next);
}

function apply(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  for (const listener of listeners) listener();
}

system.addEventListener('change', () => {
  if (read('localStorage', KEY) === null) apply(system.matches ? 'dark' : 'light');
});
