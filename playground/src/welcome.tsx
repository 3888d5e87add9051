/** The empty chat: what the page is, and a question for each thing that can be seen. */

import { samplePicture } from './attachments';
import { Icon, type IconName } from './icons';
import type { Part } from './types';

interface Idea {
  icon: IconName;
  title: string;
  prompt: string;
  picture?: boolean;
}

const IDEAS: { heading: string; ideas: Idea[] }[] = [
  {
    heading: 'Text, as it is written',
    ideas: [
      { icon: 'list', title: 'A table in Markdown', prompt: 'Show a table of ways to brew coffee' },
      { icon: 'code', title: 'A block of code', prompt: 'Show a code block that greets somebody' },
      { icon: 'spark', title: 'Reasoning, then an answer', prompt: 'Think about chess openings' },
      { icon: 'book', title: 'An answer with sources', prompt: 'Tell me about green mambas, with sources' },
    ],
  },
  {
    heading: 'Things to look at and use',
    ideas: [
      { icon: 'form', title: 'A form to fill in', prompt: 'Show me a contact form' },
      { icon: 'chart', title: 'Four charts at once', prompt: 'Draw a line, a bar, a pie and an area chart' },
      { icon: 'file', title: 'A file of code', prompt: 'Write a Python script for prime numbers' },
      { icon: 'card', title: 'A card with actions', prompt: 'Show a travel card for Lisbon' },
    ],
  },
  {
    heading: 'Tools, files and trouble',
    ideas: [
      { icon: 'tool', title: 'A tool at work', prompt: 'What is the weather in Lisbon?' },
      { icon: 'hand', title: 'A tool that asks you first', prompt: 'Send email to say "It works"' },
      { icon: 'pin', title: 'A tool of the page', prompt: 'Where am I? Get location' },
      { icon: 'image', title: 'A picture, attached', prompt: 'What is in this picture?', picture: true },
      { icon: 'stop', title: 'A long answer, to stop', prompt: 'Write a long answer about tea' },
      { icon: 'alert', title: 'An error on the way', prompt: 'Begin to answer, then fail' },
    ],
  },
];

export function Welcome({ onSend }: { onSend: (parts: Part[]) => void }) {
  const ask = async (idea: Idea) => {
    const picture = idea.picture ? [await samplePicture()] : [];
    onSend([...picture, { type: 'text', text: idea.prompt }]);
  };
  return (
    <div className="welcome">
      <div className="welcome-head">
        <h1>What would you like to see?</h1>
        <p>
          A chat on the real AI SDK client. Each question below shows one thing that the server can do; the inspector shows
          how.
        </p>
      </div>
      {IDEAS.map(({ heading, ideas }) => (
        <section key={heading} aria-label={heading}>
          <h2>{heading}</h2>
          <div className="ideas">
            {ideas.map((idea) => (
              <button type="button" key={idea.title} className="idea" onClick={() => void ask(idea)}>
                <Icon name={idea.icon} />
                <span className="idea-title">{idea.title}</span>
                <span className="idea-prompt">{idea.prompt}</span>
              </button>
            ))}
          </div>
        </section>
      ))}
    </div>
  );
}
