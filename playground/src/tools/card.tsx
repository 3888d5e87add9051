/** `generateCard`: a title, a text, a picture and buttons; a button's press is the person's next message. */

import { useId } from 'react';
import { hostOf, Markdown, webAddress } from '../markdown';
import { Icon } from '../icons';
import { isObject } from '../types';

export interface CardSpec {
  title: string;
  description?: string;
  content?: string;
  media?: { type: 'image' | 'video'; url: string; alt?: string };
  actions?: { label: string; action: string; variant?: 'default' | 'secondary' | 'destructive' | 'outline' }[];
}

export function isCard(value: unknown): value is CardSpec {
  return (
    isObject(value) &&
    typeof value.title === 'string' &&
    !Array.isArray(value.data) &&
    (value.actions === undefined || Array.isArray(value.actions)) &&
    (value.media === undefined || isObject(value.media))
  );
}

interface CardProps {
  card: CardSpec;
  disabled: boolean;
  onSend: (text: string) => void;
}

export function Card({ card, disabled, onSend }: CardProps) {
  const id = useId();
  return (
    <article className="panel card" aria-labelledby={id}>
      {card.media ? <Media media={card.media} /> : null}
      <div className="card-body">
        <h2 id={id}>{card.title}</h2>
        {card.description ? <p className="card-description">{card.description}</p> : null}
        {card.content ? <Markdown text={card.content} /> : null}
        {card.actions?.length ? (
          <div className="card-actions">
            {card.actions.map((action) => (
              <button
                type="button"
                key={action.action}
                className={`button ${action.variant ?? 'default'}`}
                disabled={disabled}
                onClick={() => onSend(`${action.label}: ${card.title} (action “${action.action}”)`)}
              >
                {action.label}
              </button>
            ))}
          </div>
        ) : null}
      </div>
    </article>
  );
}

/** Media that came along are shown; of media elsewhere there is a link, because the page asks no other server. */
function Media({ media }: { media: NonNullable<CardSpec['media']> }) {
  if (media.type === 'image' && media.url.startsWith('data:image/')) {
    return <img className="card-media" src={media.url} alt={media.alt ?? ''} />;
  }
  return (
    <a className="card-media elsewhere" href={webAddress(media.url)} target="_blank" rel="noopener noreferrer">
      <Icon name={media.type === 'image' ? 'image' : 'external'} />
      <span>{media.alt ?? (media.type === 'image' ? 'Picture' : 'Video')}</span>
      <small>Opens at {hostOf(media.url)}</small>
    </a>
  );
}
