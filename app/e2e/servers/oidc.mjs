// SPDX-License-Identifier: Apache-2.0

// panva/oidc-provider (OpenID certified) on loopback. It prints one JSON line
// when it is ready, and one for each event that the tests count. It knows the
// resource servers https://mail.test/ and https://files.test/ (RFC 8707), whose
// tokens are JWTs.
//   ISSUER, PORT, ACCESS_TTL (seconds), REDIRECT_URIS (comma separated), ROTATE=never, PAR=required
import { Provider, errors } from 'oidc-provider';

const env = process.env;
const port = Number(env.PORT ?? 0);
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));

const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'hub',
      client_secret: 'a client secret: p%s+&=/~',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: (env.REDIRECT_URIS ?? '').split(','),
    },
  ],
  pkce: { required: () => true },
  rotateRefreshToken: () => env.ROTATE !== 'never',
  issueRefreshToken: async (ctx, client, code) => code.scopes.has('offline_access'),
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  claims: { openid: ['sub'], email: ['email'], profile: ['name'] },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, name: id, email: `${id}@example.test` }),
  }),
  ttl: {
    AccessToken: Number(env.ACCESS_TTL ?? 5),
    AuthorizationCode: 60,
    RefreshToken: 3600,
    IdToken: 3600,
    Interaction: 3600,
    Session: 3600,
    Grant: 86400,
  },
  clockTolerance: 0, // else the in-memory adapter keeps expired tokens longer
  cookies: { keys: ['loopback test only'] },
  // Which makes a client use the header, by discovery alone.
  clientAuthMethods: ['client_secret_basic'],
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    deviceFlow: { enabled: true },
    pushedAuthorizationRequests: {
      enabled: env.PAR === 'required',
      requirePushedAuthorizationRequests: env.PAR === 'required',
    },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => {
        if (!['https://mail.test/', 'https://files.test/'].includes(resource)) {
          throw new errors.InvalidTarget();
        }
        return { scope: 'read write', audience: resource, accessTokenFormat: 'jwt' };
      },
    },
  },
});

// /test/hold holds the next refresh back until /test/release, so that something
// can be killed or broken meanwhile; /test/revoke-all does what a user does who
// withdraws all access in the account settings; /test/forget ends one access token.
let hold = false;
let release = () => {};
const grants = new Set();
provider.on('grant.success', (ctx) => grants.add(ctx.oidc.entities.Grant?.jti));
provider.use(async (ctx, next) => {
  if (ctx.path === '/test/revoke-all') {
    for (const id of grants) {
      await provider.RefreshToken.revokeByGrantId(id);
      await provider.AccessToken.revokeByGrantId(id);
    }
    ctx.body = 'done';
    return;
  }
  if (ctx.path === '/test/hold' || ctx.path === '/test/release') {
    hold = ctx.path === '/test/hold';
    if (!hold) release();
    ctx.body = 'done';
    return;
  }
  if (ctx.path === '/test/forget') {
    // One access token, and not all of its grant as a revocation would.
    await (await provider.AccessToken.find(ctx.query.token))?.destroy();
    ctx.body = 'done';
    return;
  }
  if (ctx.path === '/token' && hold) {
    const body = await new Promise((resolve) => {
      let text = '';
      ctx.req.on('data', (chunk) => (text += chunk)).on('end', () => resolve(text));
    });
    ctx.req.body = Object.fromEntries(new URLSearchParams(body)); // what the server would parse
    if (ctx.req.body.grant_type === 'refresh_token') {
      hold = false;
      const released = new Promise((resolve) => (release = resolve));
      say('refresh.held');
      await released;
    }
  }
  await next();
  if (ctx.path === '/token') {
    const refresh = ctx.oidc?.params?.grant_type === 'refresh_token';
    say(refresh ? 'refresh' : 'exchange', { status: ctx.status, error: ctx.body?.error });
  }
});
for (const name of ['grant.revoked', 'grant.error', 'authorization.error', 'server_error']) {
  provider.on(name, (ctx, error) =>
    say(name, { message: error?.message, detail: error?.error_detail }),
  );
}
const server = provider.listen(port, '127.0.0.1', () => say('ready', { issuer }));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
