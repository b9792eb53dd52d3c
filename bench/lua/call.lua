-- Requests that are all of one form; each connection sends its own token, where there are tokens, and its own body,
-- where there are bodies (one a line; a connection takes every n-th of them, in turn).
local summary = dofile(os.getenv("BENCH_LUA") .. "/summary.lua")
local method = os.getenv("BENCH_METHOD") or "GET"
local bodies, number = {}, 0

local function read(name)
  local lines, path = {}, os.getenv(name)
  if path then for line in io.lines(path) do table.insert(lines, line) end end
  return lines
end

function setup(thread)
  local place, tokens = summary.watch(thread), read("BENCH_TOKENS")
  if #tokens > 0 then thread:set("token", tokens[(place - 1) % #tokens + 1]) end
  thread:set("place", place)
end

function init()
  local connections = tonumber(os.getenv("BENCH_CONNECTIONS"))
  for i, line in ipairs(read("BENCH_BODIES")) do
    if (i - 1) % connections == place - 1 then table.insert(bodies, line) end
  end
  wrk.headers["Content-Type"] = os.getenv("BENCH_CONTENT_TYPE")
  if os.getenv("BENCH_COOKIE") ~= "" then wrk.headers["Cookie"] = os.getenv("BENCH_COOKIE") end
  if token then wrk.headers["Authorization"] = os.getenv("BENCH_SCHEME") .. " " .. token end
end

function request()
  number = number + 1
  return wrk.format(method, nil, nil, bodies[(number - 1) % math.max(#bodies, 1) + 1])
end

function response(status) summary.count(status) end

function done(totals, latency) summary.print(totals, latency) end
