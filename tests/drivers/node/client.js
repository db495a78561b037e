// node-postgres: what a JavaScript program sees through it, with pg-cursor and pg-copy-streams.
'use strict'
const crypto = require('crypto')
const fs = require('fs')
const { once } = require('events')
const { Readable } = require('stream')
const { pipeline } = require('stream/promises')
const util = require('util')
const pg = require('pg')
const Cursor = require('pg-cursor')
const { from: copyFrom, to: copyTo } = require('pg-copy-streams')

const IS_METADB = process.env.DRIVERS_ON === 'metadb'
// node-postgres knows no prefer: it is plain there.
const usesTls = !['disable', 'allow', 'prefer'].includes(process.env.PGSSLMODE)
const ssl = usesTls ? { ca: fs.readFileSync(process.env.PGSSLROOTCERT), rejectUnauthorized: true } : false
const FIELDS = ['severity', 'code', 'message', 'detail', 'hint', 'position', 'internalPosition', 'internalQuery',
  'where', 'schema', 'table', 'column', 'dataType', 'constraint', 'file', 'line', 'routine']

const inspect = (value) => util.inspect(value, { breakLength: Infinity, depth: 6, maxArrayLength: null, maxStringLength: null })
const show = (what, value) => console.log(value === undefined ? what : `${what}: ${inspect(value)}`)
const told = (error) => Object.fromEntries(FIELDS.filter((name) => error[name] !== undefined)
  .map((name) => [name, error[name]]))
const md5 = (data) => crypto.createHash('md5').update(data).digest('hex')

// Shows the error that this raises; not to raise one is a failure.
async function refused (what, promise) {
  try {
    await promise
  } catch (error) {
    return show(`${what} is refused`, told(error))
  }
  throw new Error(`${what} is not refused`)
}

async function connected (use, options = {}) {
  const client = new pg.Client({ ssl, ...options })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

// Returns when some session sleeps in this text.
async function running (watcher, text) {
  const query = "select count(*)::int as n from pg_stat_activity where wait_event = 'PgSleep' and query like $1 " +
    'and pid <> pg_backend_pid()'
  const end = Date.now() + 30000
  while ((await watcher.query(query, [`%${text}%`])).rows[0].n !== 1) {
    if (Date.now() > end) throw new Error(`${text} does not run`)
  }
}

const columns = (result) => result.fields.map((field) => [field.name, field.dataTypeID, field.format])
const steps = {
  async connection () {
    const told_parameters = {}
    const client = new pg.Client({ ssl, application_name: 'one', options: '-c search_path=library', statement_timeout: 60000 })
    client.connection.on('parameterStatus', (message) => { told_parameters[message.parameterName] = message.parameterValue })
    await client.connect()
    show('parameters', Object.fromEntries(Object.entries(told_parameters).sort()))
    const { rows } = await client.query("select current_setting('search_path') as path, pg_backend_pid() as pid, " +
      "current_setting('statement_timeout') as timeout")
    show('process', rows[0].pid === client.processID)
    show('settings', [rows[0].path, rows[0].timeout])
    await client.query("set timezone = 'Asia/Tokyo'")
    show('live', told_parameters.TimeZone)
    await client.end()
    await refused('a wrong password', new pg.Client({ ssl, password: 'wrong' }).connect())
    await refused('a wrong database', new pg.Client({ ssl, database: 'nowhere' }).connect())
  },

  types: () => connected(async (client) => {
    for (const query of [{ text: 'select * from library.kinds' },
      { text: 'select * from library.kinds where $1', values: [true] },
      { text: 'select * from library.kinds', binary: true, values: [] }]) {
      // The driver decodes few types in binary.
      if (query.binary) query.text = 'select a_boolean, a_smallint, an_integer, a_bigint, a_text from library.kinds'
      const result = await client.query(query)
      show('columns', columns(result))
      for (const row of result.rows) show('  row', row)
    }
    const { rows: [row] } = await client.query({
      text: 'select $1::int, $2::bigint, $3::numeric, $4::text, $5::bytea, $6::bool, $7::timestamptz, $8::int[], ' +
        '$9::jsonb, $10::library.mood, $11::text',
      values: [1, '9007199254740993', '1.50', 'tä\nxt', Buffer.from([0, 255]), true, new Date(0), [1, null, 3],
        { a: [1] }, 'happy', null],
      rowMode: 'array'
    })
    show('round trip', row)
  }),

  'prepared statements': () => connected(async (client) => {
    const query = { name: 'by id', text: 'select id, name, feels from library.patrons where id = $1' }
    for (const id of [1, 3, 4, null]) show('rows', (await client.query({ ...query, values: [id] })).rows)
    show('on the server', (await client.query('select name, from_sql from pg_prepared_statements')).rows)
    await refused('a wrong value', client.query({ ...query, values: ['x'] }))
    show('goes on', (await client.query({ ...query, values: [2] })).rows)
    await client.query('create temporary table changes (a int)')
    const all = { name: 'all', text: 'select * from changes' }
    await client.query(all)
    await client.query('alter table changes add column b int')
    await refused('a changed result', client.query(all))
    await client.query('deallocate all')
    await refused('a statement that is gone', client.query({ ...query, values: [1] }))
    await refused('a syntax error', client.query({ name: 'bad', text: 'select $1 from from', values: [1] }))
    await refused('an unknown type', client.query('select $1::nothing', [1]))
  }),

  batches: () => connected(async (client) => {
    // Queries wait in the client's queue, one after the other.
    const many = await Promise.all([...Array(300).keys()].map((n) => client.query('select $1::int as n', [n])))
    show('sum', many.reduce((sum, result) => sum + result.rows[0].n, 0))
    const results = await client.query("select 1 as a; select 'x' as b; create temporary table t (a int unique); " +
      'insert into t select generate_series(1, 5)')
    show('several', results.map((result) => [result.command, result.rowCount, result.rows]))
    await refused('several', client.query('insert into t values (6); select 1 / 0; select 2'))
    show('rolled back', (await client.query('select count(*)::int from t')).rows)
    show('empty', [(await client.query('')).command, (await client.query(';', [])).command])
  }),

  cursors: () => connected(async (client) => {
    const cursor = client.query(new Cursor('select n, $1::text as t from generate_series(1, 100) n', ['x']))
    show('three', await cursor.read(3))
    show('more', (await cursor.read(50)).length)
    show('rest', (await cursor.read(500)).length)
    show('end', await cursor.read(5))
    await cursor.close()
    const closed = client.query(new Cursor('select generate_series(1, 100000)'))
    await closed.read(10)
    await closed.close()
    show('after a close', (await client.query('select 1 as a')).rows)
    const failing = client.query(new Cursor('select 10 / (5 - n) as d from generate_series(1, 9) n'))
    show('before', await failing.read(3))
    await refused('a row that fails', failing.read(5))
    show('goes on', (await client.query('select 2 as a')).rows)
    await client.query('begin; declare c cursor for select generate_series(1, 5)')
    show('declared', (await client.query('fetch 2 from c')).rows)
    await client.query('commit')
  }),

  copy: () => connected(async (client) => {
    await client.query('create temporary table rows (id int primary key, name text)')
    const lines = function * () { for (let n = 0; n < 20000; ++n) yield `${n}\tnäme ${n}\n` }
    const into = client.query(copyFrom('copy rows from stdin'))
    await pipeline(Readable.from(lines()), into)
    show('in', into.rowCount)
    for (const format of ['text', 'csv', 'binary']) {
      const parts = []
      const out = client.query(copyTo(`copy (select * from rows order by id) to stdout (format ${format})`))
      for await (const part of out) parts.push(part)
      const data = Buffer.concat(parts)
      show(format, [out.rowCount, data.length, md5(data)])
    }
    for (const [what, text, data] of [['a wrong row', 'copy rows from stdin', 'x\ty\n'],
      ['a row twice', 'copy rows from stdin', '5\ty\n'], ['no such table', 'copy nothing from stdin', '1\n']]) {
      await refused(what, pipeline(Readable.from([data]), client.query(copyFrom(text))))
    }
    const broken = client.query(copyFrom('copy rows from stdin'))
    broken.write('30000\tx\n')
    broken.destroy(new Error('broken off'))
    await refused('a copy broken off', once(broken, 'end'))
    show('rows', (await client.query('select count(*)::int from rows')).rows)
  }),

  cancel: () => connected((watcher) => connected(async (client) => {
    for (const block of [false, true]) {
      if (block) await client.query('begin')
      const query = new pg.Query('select pg_sleep(60)')
      const ended = new Promise((resolve, reject) => { query.callback = (error) => error ? reject(error) : resolve() })
      client.query(query)
      await running(watcher, 'pg_sleep(60)')
      // The driver's own cancel: a new connection with the key of the old one.
      new pg.Client({ ssl }).cancel(client, query)
      await refused('a cancelled query', ended)
      if (block) await refused('then', client.query('select 1'))
      await client.query('rollback')
    }
    show('goes on', (await client.query('select 1 as a')).rows)
    await client.query("set statement_timeout = '50ms'")
    await refused('a time-out', client.query('select pg_sleep(60)'))
  }, { options: '-c client_min_messages=error' })),

  'large objects': () => connected(async (client) => {
    const data = Buffer.alloc(500000, 'large object ')
    await client.query('begin')
    const { rows: [{ oid }] } = await client.query('select lo_from_bytea(0, $1) as oid', [data])
    const { rows: [{ fd }] } = await client.query('select lo_open($1, $2) as fd', [oid, 0x60000])
    show('part', (await client.query('select lo_lseek64($1, 1000, 0), loread($1, 8)', [fd])).rows)
    show('written', (await client.query('select lowrite($1, $2), lo_tell64($1)', [fd, Buffer.from('abc')])).rows)
    await client.query('commit')
    const { rows: [{ back }] } = await client.query('select lo_get($1) as back', [oid])
    show('read', [back.length, md5(back)])
    show('unlinked', (await client.query('select lo_unlink($1)', [oid])).rows)
    await refused('gone', client.query('select lo_get(1)'))
  }),

  transactions: () => connected(async (client) => {
    const statuses = []
    client.connection.on('readyForQuery', (message) => statuses.push(message.status))
    await client.query('create temporary table t (a int unique)')
    await client.query('begin isolation level serializable')
    await client.query('insert into t values ($1)', [1])
    await client.query('savepoint s')
    await refused('a row twice', client.query('insert into t values ($1)', [1]))
    await refused('then', client.query('select $1::int', [1]))
    await client.query('rollback to s')
    await client.query('commit')
    show('rows', (await client.query('select a from t')).rows)
    show('statuses', statuses)
  }),

  errors: () => connected(async (client) => {
    for (const text of ['select nothing', 'select * form t', "select 'é', nothing", 'select 1 / 0',
      'select library.fail()', "insert into library.items values (1, 'again', '1', 1, null, null)",
      "insert into library.items values (100, null, '1', 1, null, null)",
      "insert into library.items values (100, 'x', 'x', 1, null, null)",
      'insert into library.loans values (1, 1000, now())', 'set no_such_setting = 1',
      "do $$ begin execute 'select * from nothing'; end $$"]) {
      await refused(text, client.query(text))
      await refused('the same, extended', client.query({ text, queryMode: 'extended', values: [] }))
    }
  }),

  'notices and notifications': () => connected((other) => connected(async (client) => {
    client.on('notice', (message) => show('notice', told(message)))
    show('rows', (await client.query('select library.tell($1)', ['this'])).rows)
    await client.query('listen news')
    const heard = once(client, 'notification')
    await other.query("select pg_notify('news', 'at rest')")
    const [note] = await heard
    show('heard', [note.channel, note.payload, note.processId === other.processID])
  })),

  pool: async () => {
    const pool = new pg.Pool({ ssl, max: 4 })
    const results = await Promise.all([...Array(50).keys()].map((n) => pool.query('select $1::int as n', [n])))
    show('sum', results.reduce((sum, result) => sum + result.rows[0].n, 0))
    show('connections', pool.totalCount <= 4)
    await pool.end()
  },

  'big values': () => connected(async (client) => {
    const data = Buffer.alloc(20000000, 7)
    const { rows: [{ back }] } = await client.query('select $1::bytea as back', [data])
    show('20 MB', back.equals(data))
    const { rows } = await client.query('select generate_series(1, 200000) as n')
    show('rows', rows.reduce((sum, row) => sum + row.n, 0))
  }),

  'metadb commands': () => connected(async (client) => {
    client.on('notice', (message) => show('notice', told(message)))
    for (const query of ['list data_sources', { text: 'list data_sources', queryMode: 'extended', values: [] },
      { name: 'sources', text: 'list data_sources' }, { name: 'sources', text: 'list data_sources' },
      { text: 'list config', rowMode: 'array' }]) {
      const result = await client.query(query)
      show('columns', columns(result))
      show(result.command, [result.rowCount, result.rows.map((row) => row[0])])
    }
    show('set', (await client.query("alter system set checkpoint_segment_size = '2999'")).command)
    show('value', (await client.query({ name: 'config', text: 'list config' })).rows[0])
    show('reset', (await client.query({ name: 'set', text: "alter system set checkpoint_segment_size = '3000'" })).command)
    show('created', (await client.query("create data source nowhere type kafka options (brokers '127.0.0.1:1', " +
      "security 'plaintext', topics '^none', consumer_group 'none')")).command)
    show('rows', (await client.query('list data_sources')).rows)
    const [{ since, lag_events, snapshot_total }] = (await client.query({ name: 'status', text: 'list status' })).rows
    show('decoded', [since instanceof Date, lag_events, snapshot_total])
    show('dropped', (await client.query('drop data source nowhere')).command)
    const cursor = client.query(new Cursor('list config'))
    show('two', (await cursor.read(2)).map((row) => row.parameter))
    show('rest', (await cursor.read(10)).map((row) => row.parameter))
    await cursor.close()
    show('several', (await client.query('list config; list data_sources')).map((result) => result.rowCount))
  }),

  'metadb errors': () => connected(async (client) => {
    const statuses = []
    client.connection.on('readyForQuery', (message) => statuses.push(message.status))
    for (const text of ["create data source x type kafka optons (a 'b')", 'list nothing', 'drop data source nowhere',
      "alter system set checkpoint_segment_size = 'x'"]) {
      await refused(text, client.query(text))
      await refused('the same, extended', client.query({ text, queryMode: 'extended', values: [] }))
    }
    await refused('a value', client.query('list config', [1]))
    await refused('a parameter', client.query('list $1', [1]))
    await client.query('begin')
    show('in a block', (await client.query('list config')).rowCount)
    await refused('a change in a block', client.query('drop data source nowhere'))
    await refused('then', client.query({ name: 'config', text: 'list config' }))
    await client.query('rollback')
    show('after it', (await client.query({ name: 'config', text: 'list config' })).rowCount)
    show('statuses', statuses.join(''))
  }),

  'metadb cancel': () => connected((other) => connected(async (client) => {
    await other.query('begin; lock table metadb.config')
    const query = new pg.Query("alter system set checkpoint_segment_size = '2997'")
    const ended = new Promise((resolve, reject) => { query.callback = (error) => error ? reject(error) : resolve() })
    client.query(query)
    const waiting = "select count(*)::int as n from pg_locks where not granted and relation = 'metadb.config'::regclass"
    while ((await other.query(waiting)).rows[0].n !== 1);
    new pg.Client({ ssl }).cancel(client, query)
    await refused('a command that waits', ended)
    show('goes on', (await client.query('list config')).rows[0].value)
  }))
}

async function main () {
  let failures = 0
  for (const [name, step] of Object.entries(steps)) {
    if (name.startsWith('metadb') && !IS_METADB) continue
    console.log(`== ${name}`)
    try {
      await step()
    } catch (error) {
      failures++
      console.log(`!! ${error}`)
      console.error(error)
    }
  }
  process.exitCode = failures === 0 ? 0 : 1
}

main()
