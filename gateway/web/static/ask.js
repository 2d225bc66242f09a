// Asks the gateway, and says plainly when it cannot answer.

export async function get(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(8_000), credentials: "same-origin" });
  if (answer.status === 401) throw new Error("signed-out");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer;
}

export const send = (method, address, body) =>
  fetch(address, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// An operation of the API; nothing comes back but that it was done.
export async function call(method, address, body) {
  const answer = await send(method, address, body);
  if (answer.status === 401) throw new Error("signed-out");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
}
