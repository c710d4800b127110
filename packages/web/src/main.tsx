import './style/console.css';
import { render } from 'preact';
import { App } from './shell/app.tsx';
import { pathTo } from './state/base.ts';

// The agent redirects; a plain file server does not.
if (location.pathname === pathTo('') || location.pathname === pathTo('index.html'))
  history.replaceState(null, '', pathTo('developer'));

const root = document.getElementById('page');
if (root) render(<App />, root);
