import { App } from './app.js';

const { createElement, StrictMode } = window.React;

const root = window.ReactDOM.createRoot(document.getElementById('root'));
root.render(createElement(StrictMode, null, createElement(App)));
