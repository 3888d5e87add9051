/** highlight.js with its common languages: a bundle of its own, loaded when the first code is shown. */

import highlighter from 'highlight.js/lib/common';

const LONGEST = 100_000;

/** HTML with a class on each token, the text escaped; null for a language that it does not know. */
export function highlighted(code: string, language: string | undefined): string | null {
  if (code.length > LONGEST || language === undefined || !highlighter.getLanguage(language)) return null;
  return highlighter.highlight(code, { language, ignoreIllegals: true }).value;
}
