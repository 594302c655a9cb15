const { createElement: h, useEffect, useState } = window.React;

/** What the server says of itself; null until it has answered. */
function useInfo() {
  const [info, setInfo] = useState(null);
  useEffect(() => {
    const request = new AbortController();
    fetch('api/info', { signal: request.signal })
      .then((response) => response.json())
      .then(setInfo)
      .catch((error) => {
        if (error.name !== 'AbortError') console.error('cannot read api/info', error);
      });
    return () => request.abort();
  }, []);
  return info;
}

function Counter() {
  const [count, setCount] = useState(0);
  return h('button', { onClick: () => setCount(count + 1) }, `Clicked ${count} ${count === 1 ? 'time' : 'times'}`);
}

export function App() {
  const info = useInfo();
  return h('main', null,
    h('h1', null, info ? info.project : '…'),
    info && h('p', null, 'The ', h('strong', null, info.environment), ' environment is serving React ', window.React.version, '.'),
    h('p', null, 'Edit ', h('code', null, 'src/app.js'), ' and reload the page.'),
    h(Counter));
}
