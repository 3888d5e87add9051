/** A listing: highlighted once the highlighter has arrived, with copying, and with line numbers where they are wanted. */

import { memo, useEffect, useState, type ReactNode } from 'react';
import { CopyButton } from './controls';

type Highlight = (code: string, language: string | undefined) => string | null;

let highlight: Highlight | undefined;
let arriving: Promise<void> | undefined;

function useHighlight(): Highlight | undefined {
  const [ready, setReady] = useState(() => highlight);
  useEffect(() => {
    if (ready !== undefined) return;
    arriving ??= import('./highlight').then((module) => {
      highlight = module.highlighted;
    });
    let here = true;
    arriving.then(
      () => here && setReady(() => highlight),
      () => undefined,
    );
    return () => {
      here = false;
    };
  }, [ready]);
  return ready;
}

interface CodeBlockProps {
  code: string;
  language?: string;
  filename?: string;
  lineNumbers?: boolean;
  /** Still growing: a screen reader is not told of each change. */
  live?: boolean;
  actions?: ReactNode;
}

export const CodeBlock = memo(function CodeBlock({
  code,
  language,
  filename,
  lineNumbers = false,
  live = false,
  actions,
}: CodeBlockProps) {
  const name = language?.trim().split(/[\s{,]/, 1)[0]?.toLowerCase() || undefined;
  return (
    <figure className="code" aria-label={filename ?? (name ? `Code in ${name}` : 'Code')} aria-busy={live}>
      <figcaption className="code-head">
        {filename ? <span className="code-file">{filename}</span> : null}
        <span className="code-language">{name ?? 'text'}</span>
        <span className="spacer" />
        {actions}
        <CopyButton text={code} label="Copy code" />
      </figcaption>
      <div className="code-body" tabIndex={0} role="region" aria-label="Listing">
        {lineNumbers ? (
          <div className="code-numbers" aria-hidden="true">
            {Array.from({ length: code.split('\n').length }, (_, n) => (
              <span key={n}>{n + 1}</span>
            ))}
          </div>
        ) : null}
        <pre>
          <Highlighted code={code} language={name} />
        </pre>
      </div>
    </figure>
  );
});

/** The text in colours. The highlighter escapes it, and adds nothing but spans with classes. */
export function Highlighted({ code, language }: { code: string; language?: string }) {
  const html = useHighlight()?.(code, language);
  if (html === undefined || html === null) return <code>{code}</code>;
  return <code dangerouslySetInnerHTML={{ __html: html }} />;
}
