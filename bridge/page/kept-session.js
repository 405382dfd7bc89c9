// The session of this tab, kept over a reload: only hanging up ends a call. The secret in it opens it again.

const KEY = "daredevil.session";

export function keepSession(session) {
  try {
    if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
    else sessionStorage.removeItem(KEY);
  } catch {
    // a browser without storage: a reload starts a new session
  }
}

// {sessionId, token, voice, muted, replies, unsaid}, or null.
export function keptSession() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return kept?.sessionId && kept?.token ? kept : null;
  } catch {
    return null;
  }
}
