/** `generateCode`: a file with its name, its numbers and, where the model allows it, changes by the person. */

import { useState } from 'react';
import { CodeBlock } from '../code';
import { IconButton } from '../controls';
import { isObject } from '../types';

export interface CodeSpec {
  language: string;
  filename?: string;
  code: string;
  editable?: boolean;
  showLineNumbers?: boolean;
}

export function isListing(value: unknown): value is CodeSpec {
  return isObject(value) && typeof value.language === 'string' && typeof value.code === 'string';
}

interface ListingProps {
  listing: CodeSpec;
  disabled: boolean;
  onSend: (text: string) => void;
}

export function Listing({ listing, disabled, onSend }: ListingProps) {
  const original = listing.code.replace(/\n$/, '');
  const [code, setCode] = useState(original);
  const [editing, setEditing] = useState(false);
  const name = listing.filename ?? `listing.${listing.language}`;

  if (editing) {
    return (
      <div className="panel listing-editor">
        <label>
          <span>{name}</span>
          <textarea
            value={code}
            spellCheck={false}
            rows={Math.min(30, code.split('\n').length + 1)}
            onChange={(event) => setCode(event.target.value)}
          />
        </label>
        <footer className="panel-foot">
          <button
            type="button"
            className="button primary small"
            disabled={disabled || code === original}
            onClick={() => {
              setEditing(false);
              onSend(`I changed ${name}:\n\n\`\`\`${listing.language}\n${code}\n\`\`\``);
            }}
          >
            Send changes
          </button>
          <button type="button" className="button ghost small" onClick={() => setEditing(false)}>
            Keep here
          </button>
        </footer>
      </div>
    );
  }
  return (
    <CodeBlock
      code={code}
      language={listing.language}
      filename={listing.filename}
      lineNumbers={listing.showLineNumbers}
      actions={
        <>
          {listing.editable ? <IconButton icon="edit" label="Edit code" onClick={() => setEditing(true)} /> : null}
          <IconButton icon="download" label={`Download ${name}`} onClick={() => download(name, code)} />
        </>
      }
    />
  );
}

function download(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }));
  link.download = name.replace(/^.*\//, '');
  link.click();
  URL.revokeObjectURL(link.href);
}
