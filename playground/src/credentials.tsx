/** Asks for an API key or a token; the page keeps it in memory, so that a reload forgets it. */

import { useState, type FormEvent } from 'react';
import { Sheet } from './controls';
import { hasCredentials, setCredentials } from './server';

export function Credentials({ onClose }: { onClose: (changed: boolean) => void }) {
  const [value, setValue] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setCredentials(value);
    onClose(true);
  };
  return (
    <Sheet title="Credentials" className="dialog" onClose={() => onClose(false)}>
      <form className="credentials" onSubmit={submit}>
        <h2>Credentials</h2>
        <p>
          An API key or a JSON Web Token, sent as <code>Authorization: Bearer</code>. It stays in the memory of this page: a
          reload forgets it.
        </p>
        <label>
          <span>Key or token</span>
          <input
            type="password"
            autoComplete="off"
            spellCheck={false}
            value={value}
            autoFocus
            placeholder={hasCredentials() ? 'One is set; an empty field removes it' : ''}
            onChange={(event) => setValue(event.target.value)}
          />
        </label>
        <div className="dialog-foot">
          <button type="button" className="button ghost" onClick={() => onClose(false)}>
            Cancel
          </button>
          <button type="submit" className="button primary">
            Use it
          </button>
        </div>
      </form>
    </Sheet>
  );
}
