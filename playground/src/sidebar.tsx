/** The chats of this browser, and what belongs to the page rather than to a chat. */

import { useState, useSyncExternalStore } from 'react';
import * as chats from './chats';
import { IconButton } from './controls';
import { Icon, Logo } from './icons';
import { hasCredentials } from './server';
import * as theme from './theme';

interface SidebarProps {
  chatId: string;
  version: string;
  onOpen: (id: string) => void;
  onNew: () => void;
  onRemove: (id: string) => void;
  onCredentials: () => void;
}

export function Sidebar({ chatId, version, onOpen, onNew, onRemove, onCredentials }: SidebarProps) {
  const entries = useSyncExternalStore(chats.subscribe, chats.all);
  const shade = useSyncExternalStore(theme.subscribe, theme.current);
  return (
    <>
      <div className="brand">
        <Logo />
        <span className="brand-name">Mamba Server</span>
        {version ? <span className="brand-version">{version}</span> : null}
      </div>
      <button type="button" className="button new-chat" onClick={onNew}>
        <Icon name="plus" /> New chat
      </button>
      <nav className="chat-list" aria-label="Chats">
        {grouped(entries).map(({ heading, group }) => (
          <section key={heading} aria-label={heading}>
            <h2>{heading}</h2>
            <ul>
              {group.map((entry) => (
                <ChatRow key={entry.id} entry={entry} current={entry.id === chatId} onOpen={onOpen} onRemove={onRemove} />
              ))}
            </ul>
          </section>
        ))}
        {entries.length === 0 ? <p className="chat-list-empty">Your chats are kept here, in this browser only.</p> : null}
      </nav>
      <div className="sidebar-foot">
        <a className="foot-link" href="docs" target="_blank" rel="noopener">
          <Icon name="book" /> API reference
        </a>
        <span className="spacer" />
        <IconButton
          icon="key"
          label={hasCredentials() ? 'Credentials (set)' : 'Credentials'}
          className={hasCredentials() ? 'is-set' : ''}
          onClick={onCredentials}
        />
        <IconButton
          icon={shade === 'dark' ? 'sun' : 'moon'}
          label={shade === 'dark' ? 'Light colours' : 'Dark colours'}
          onClick={theme.toggle}
        />
      </div>
    </>
  );
}

interface ChatRowProps {
  entry: chats.ChatEntry;
  current: boolean;
  onOpen: (id: string) => void;
  onRemove: (id: string) => void;
}

function ChatRow({ entry, current, onOpen, onRemove }: ChatRowProps) {
  const [renaming, setRenaming] = useState(false);
  // Whoever renames with the keyboard stays at the chat.
  const [left, setLeft] = useState(false);
  const begin = () => {
    setLeft(false);
    setRenaming(true);
  };
  const rename = (title: string) => {
    setRenaming(false);
    if (title.trim()) chats.update(entry.id, { title: title.trim(), titled: true });
  };
  if (renaming) {
    return (
      <li className="chat-row">
        <input
          className="chat-rename"
          aria-label="Title of the chat"
          defaultValue={entry.title}
          autoFocus
          onBlur={(event) => rename(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' || event.key === 'Escape') setLeft(true);
            if (event.key === 'Enter') rename(event.currentTarget.value);
            if (event.key === 'Escape') setRenaming(false);
          }}
        />
      </li>
    );
  }
  return (
    <li className={`chat-row ${current ? 'is-current' : ''}`}>
      <button
        type="button"
        className="chat-open"
        aria-current={current ? 'page' : undefined}
        autoFocus={left}
        onClick={() => onOpen(entry.id)}
      >
        {entry.running ? <span className="dot" aria-label="running" role="img" /> : null}
        <span className="chat-title" dir="auto">{entry.title}</span>
      </button>
      <span className="chat-row-actions">
        <IconButton icon="edit" label={`Rename ${entry.title}`} onClick={begin} />
        <IconButton icon="trash" label={`Delete ${entry.title}`} onClick={() => onRemove(entry.id)} />
      </span>
    </li>
  );
}

function grouped(entries: chats.ChatEntry[]): { heading: string; group: chats.ChatEntry[] }[] {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const day = 86_400_000;
  const limits: [string, number][] = [
    ['Today', midnight],
    ['Yesterday', midnight - day],
    ['Last week', midnight - 7 * day],
    ['Earlier', -Infinity],
  ];
  let rest = entries;
  return limits.flatMap(([heading, since]) => {
    const group = rest.filter((entry) => entry.updated >= since);
    rest = rest.filter((entry) => entry.updated < since);
    return group.length ? [{ heading, group }] : [];
  });
}
