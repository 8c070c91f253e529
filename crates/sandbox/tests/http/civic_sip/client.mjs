// A page's server as those who followed Civic's document wrote theirs: it exchanges an auth-code token
// and prints what comes of it. Only Node's own modules. Each style has the habits of one of the
// clients that were published: how it spells the request token's claims, its body, and its URL.
//
// Standard input: {style, base, env, appId, appSecret, prvKey, hexpub, token, now}, `now` in seconds.
// Standard output: {status, data, userId, processed} or {status, message}.

import { Buffer } from 'node:buffer';
import { createDecipheriv, createECDH, createHmac, createPrivateKey, createPublicKey, randomUUID, sign, verify }
  from 'node:crypto';

const input = JSON.parse(await new Promise((resolve) => {
  let text = '';
  process.stdin.on('data', (chunk) => { text += chunk; });
  process.stdin.on('end', () => resolve(text));
}));
const { base, env, appId, appSecret, prvKey, hexpub, token: authToken } = input;
const bare = base.replace(/\/+$/, '');
const PATH = 'scopeRequest/authCode';

const whole = (seconds) => JSON.stringify(Math.floor(seconds));
const fractional = (seconds) => JSON.stringify(Math.floor(seconds) + 0.361);
const double = (seconds) => `${Math.floor(seconds)}.0`;
const object = { method: 'POST', path: PATH };

const styles = {
  // Civic's own for Node: sorted for the MAC, unsorted on the wire.
  npm: {
    header: { alg: 'ES256', typ: 'JWT' },
    audience: `${bare}/`,
    time: fractional,
    data: object,
    body: { authToken, allowS3UploadedPayload: true },
    url: `${bare}/${env}/${PATH}`,
  },
  // The same in its first releases.
  'npm-early': {
    header: { typ: 'JWT', alg: 'ES256' },
    audience: `${bare}/`,
    time: fractional,
    data: object,
    body: { authToken },
    url: `${bare}/${env}/${PATH}`,
  },
  // A base with its slash, and another behind it.
  careless: {
    header: { alg: 'ES256', typ: 'JWT' },
    audience: `${bare}/`,
    time: whole,
    data: object,
    body: { authToken, allowS3UploadedPayload: true },
    url: `${bare}//${env}//${PATH}`,
  },
  // A base that says all, without an environment.
  stageless: {
    header: { alg: 'ES256', typ: 'JWT' },
    audience: `${bare}/`,
    time: whole,
    data: object,
    body: { authToken },
    url: `${bare}/${PATH}`,
  },
  // For Ruby: no `typ`, an array around the data, a jti without dashes.
  ruby: {
    header: { alg: 'ES256' },
    audience: bare,
    time: whole,
    data: [object],
    jti: randomUUID().replaceAll('-', ''),
    body: { authToken },
    url: `${bare}/${env}/${PATH}`,
  },
  // For PHP: not to be used before the next minute, and used at once.
  php: {
    header: { typ: 'JWT', alg: 'ES256' },
    audience: bare,
    time: whole,
    notBefore: 60,
    data: object,
    body: { authToken },
    url: `${bare}/${env}/${PATH}`,
  },
  // For Python: spaces on the wire, none in the MAC; always a link.
  python: {
    header: { alg: 'ES256', typ: 'JWT' },
    audience: `${bare}/`,
    time: whole,
    data: object,
    body: { authToken, processPayload: true },
    spaced: true,
    url: `${bare}/${env}/${PATH}`,
  },
  // For .NET: times as doubles.
  dotnet: {
    header: { alg: 'ES256', typ: 'JWT' },
    audience: `${bare}/`,
    time: double,
    data: object,
    body: { authToken, processPayload: true },
    url: `${bare}/${env}/${PATH}`,
  },
  // For Java: a request token of three months.
  java: {
    header: { typ: 'JWT', alg: 'ES256' },
    audience: `${bare}/`,
    time: whole,
    lifetime: 90 * 86400,
    data: object,
    body: { authToken },
    url: `${bare}/${env}/${PATH}`,
  },
};
const style = styles[input.style];

const base64url = (text) => Buffer.from(text).toString('base64url');
const coordinates = (point) => ({
  x: Buffer.from(point.slice(2, 66), 'hex').toString('base64url'),
  y: Buffer.from(point.slice(66), 'hex').toString('base64url'),
});

function requestToken() {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(prvKey, 'hex');
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: Buffer.from(prvKey, 'hex').toString('base64url'),
      ...coordinates(ecdh.getPublicKey('hex')),
    },
  });
  const text = JSON.stringify;
  const times = [`"iat":${style.time(input.now)}`, `"exp":${style.time(input.now + (style.lifetime ?? 180))}`];
  if (style.notBefore) times.push(`"nbf":${style.time(input.now + style.notBefore)}`);
  const claims = `{"jti":${text(style.jti ?? randomUUID())},${times},"iss":${text(appId)},`
    + `"aud":${text(style.audience)},"sub":${text(appId)},"data":${text(style.data)}}`;
  const signed = `${base64url(text(style.header))}.${base64url(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

// What json-stable-stringify makes of a flat object.
const stable = (flat) => JSON.stringify(Object.fromEntries(Object.entries(flat).sort(([a], [b]) => (a < b ? -1 : 1))));
const extension = createHmac('sha256', appSecret).update(stable(style.body)).digest('base64');

let body = JSON.stringify(style.body);
if (style.spaced) body = body.replaceAll('":', '": ').replaceAll(',"', ', "');

const response = await fetch(style.url, {
  method: 'POST',
  headers: {
    'Content-Type': 'application/json',
    Accept: '*/*',
    Authorization: `Civic ${requestToken()}.${extension}`,
  },
  body,
});
const answer = await response.json();
if (response.status !== 200) {
  console.log(JSON.stringify({ status: response.status, message: answer.message }));
  process.exit(0);
}

let answered = answer.data;
if (answer.processed) {
  const stored = await fetch(answer.data);
  if (stored.status !== 200) throw new Error(`storage answered ${stored.status}`);
  answered = (await stored.text()).trim();
}
const [header, payload, signature] = answered.split('.');
const civic = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', ...coordinates(hexpub) } });
const holds = verify(
  'sha256',
  Buffer.from(`${header}.${payload}`),
  { key: civic, dsaEncoding: 'ieee-p1363' },
  Buffer.from(signature, 'base64url'),
);
if (!holds) throw new Error('the answer\'s token is not Civic\'s');
const claims = JSON.parse(Buffer.from(payload, 'base64url'));
if (JSON.parse(Buffer.from(header, 'base64url')).alg !== 'ES256') throw new Error('alg');
if (claims.exp + 60 <= input.now || claims.iat > input.now + 60) throw new Error('times');
if (claims.sub !== appId || claims.iss !== 'civic-sip-hosted-service') throw new Error('claims');
let clear = claims.data;
if (answer.encrypted) {
  const vector = Buffer.from(clear.slice(0, 32), 'hex');
  const decipher = createDecipheriv('aes-128-cbc', Buffer.from(appSecret, 'hex'), vector);
  clear = decipher.update(clear.slice(32), 'base64', 'utf8') + decipher.final('utf8');
}
console.log(JSON.stringify({
  status: 200,
  data: JSON.parse(clear),
  userId: answer.userId,
  processed: answer.processed ?? false,
}));
