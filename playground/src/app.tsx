/** The page: chats on the left, one of them in the middle, the inspector on the right. */

import { lazy, Suspense, useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import * as chats from './chats';
import { IconButton, Menu, Sheet } from './controls';
import { Conversation } from './conversation';
import { Credentials } from './credentials';
import { InspectorButton } from './inspector-button';
import { getModels, getVersion, ServerError, type Model } from './server';
import { forget, sessionOf } from './session';
import { Sidebar } from './sidebar';
import * as storage from './storage';
import type { Message } from './types';

const Inspector = lazy(() => import('./inspector'));
const LAST_CHAT = 'mamba.current';
const WIDE = '(min-width: 1180px)';
const ROOMY = '(min-width: 820px)';

export function App() {
  const [chatId, setChatId] = useState(firstChat);
  const [models, setModels] = useState<Model[]>([]);
  const [refused, setRefused] = useState<ServerError>();
  const [version, setVersion] = useState('');
  const [panel, setPanel] = useState<'chats' | 'credentials' | undefined>();
  const [inspecting, setInspecting] = useState(false);
  const [answer, setAnswer] = useState<Message>();
  const entries = useSyncExternalStore(chats.subscribe, chats.all);
  const full = useSyncExternalStore(chats.subscribe, chats.isFull);
  const wide = useMedia(WIDE);
  const roomy = useMedia(ROOMY);
  const session = sessionOf(chatId);
  const entry = entries.find((it) => it.id === chatId);
  const [preferred, setPreferred] = useState<string>();
  // A model that the server no longer has is not asked again. Until the list has come, what was written down holds.
  const isOffered = (id: string | undefined) => id !== undefined && (models.length === 0 || models.some((it) => it.id === id));
  const model = [entry?.model, preferred].find(isOffered) ?? models[0]?.id;

  const load = useCallback(() => {
    getModels().then(
      (found) => {
        setModels(found);
        setRefused(undefined);
      },
      (error: unknown) => setRefused(error instanceof ServerError ? error : undefined),
    );
    getVersion().then(setVersion, () => undefined);
  }, []);
  useEffect(load, [load]);
  useEffect(() => {
    document.title = entry ? `${entry.title} · Mamba Server` : 'Mamba Server';
  }, [entry]);

  const open = (id: string) => {
    setChatId(id);
    setPanel(undefined);
    setAnswer(undefined);
    storage.write('sessionStorage', LAST_CHAT, id);
  };
  const openNew = () => open(chats.newId());
  const remove = (id: string) => {
    forget(id);
    if (id === chatId) openNew();
  };
  const chooseModel = (id: string) => {
    setPreferred(id);
    if (entry) chats.update(chatId, { model: id });
  };
  session.model = model;

  const sidebar = (
    <Sidebar
      chatId={chatId}
      version={version}
      onOpen={open}
      onNew={openNew}
      onRemove={remove}
      onCredentials={() => setPanel('credentials')}
    />
  );
  const inspector = (
    <Suspense fallback={null}>
      <Inspector session={session} metadata={answer?.metadata} model={model} onClose={() => setInspecting(false)} />
    </Suspense>
  );

  return (
    <div className={`layout ${inspecting && wide ? 'is-inspecting' : ''}`}>
      {roomy ? <aside className="sidebar" aria-label="Chats and settings">{sidebar}</aside> : null}
      <main className="main">
        <header className="topbar">
          {roomy ? null : <IconButton icon="menu" label="Chats" onClick={() => setPanel('chats')} />}
          <Menu label="Model" choices={models.map(asChoice)} chosen={model ?? ''} onChoose={chooseModel} />
          <span className="spacer" />
          {roomy ? null : <IconButton icon="plus" label="New chat" onClick={openNew} />}
          <InspectorButton session={session} open={inspecting} onClick={() => setInspecting(!inspecting)} />
        </header>
        {refused?.status === 401 ? (
          <div className="notice" role="status">
            <span>This server asks for credentials.</span>
            <button type="button" className="button primary small" onClick={() => setPanel('credentials')}>
              Enter them
            </button>
          </div>
        ) : null}
        {full ? (
          <div className="notice" role="status">
            <span>This browser has no room left: what is new here is gone when you leave. Delete a chat to make room.</span>
          </div>
        ) : null}
        <Conversation
          key={chatId}
          session={session}
          title={entry?.title ?? 'New chat'}
          onCredentials={() => setPanel('credentials')}
          onAnswer={setAnswer}
        />
      </main>
      {inspecting && wide ? <aside className="inspector" aria-label="Inspector">{inspector}</aside> : null}
      {inspecting && !wide ? (
        <Sheet title="Inspector" className="from-right" onClose={() => setInspecting(false)}>
          <div className="inspector">{inspector}</div>
        </Sheet>
      ) : null}
      {panel === 'chats' && !roomy ? (
        <Sheet title="Chats" className="from-left" onClose={() => setPanel(undefined)}>
          <div className="sidebar">{sidebar}</div>
        </Sheet>
      ) : null}
      {panel === 'credentials' ? (
        <Credentials
          onClose={(changed) => {
            setPanel(undefined);
            if (!changed) return;
            load();
            session.reconnect();
          }}
        />
      ) : null}
    </div>
  );
}

/** The chat that this tab had open before a reload, else a new one. */
function firstChat(): string {
  const id = storage.read('sessionStorage', LAST_CHAT);
  if (id !== null && chats.find(id) !== undefined) return id;
  const fresh = chats.newId();
  storage.write('sessionStorage', LAST_CHAT, fresh);
  return fresh;
}

function asChoice(model: Model) {
  const notes = [model.id];
  if (model.context_window) notes.push(`${Math.round(model.context_window / 1000)}k tokens`);
  if (!model.supports_tools) notes.push('no tools');
  return { id: model.id, label: model.name, detail: model.description, notes };
}

function useMedia(query: string): boolean {
  const [list] = useState(() => matchMedia(query));
  return useSyncExternalStore(
    (listener) => {
      list.addEventListener('change', listener);
      return () => list.removeEventListener('change', listener);
    },
    () => list.matches,
  );
}
