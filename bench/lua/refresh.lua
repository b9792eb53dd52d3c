-- Each connection is one client that keeps its own chain: it presents a refresh token and goes on with the successor.
-- The connections are as many as the threads, because a script's variables belong to a thread.
local summary = dofile(os.getenv("BENCH_LUA") .. "/summary.lua")
local body, field = os.getenv("BENCH_BODY"), os.getenv("BENCH_FIELD")
local headers = { ["Content-Type"] = os.getenv("BENCH_CONTENT_TYPE") }
local is_keyed = os.getenv("BENCH_KEYED") == "1"
local place, number = 0, 0

function setup(thread)
  place = summary.watch(thread)
  local lines = {}
  for line in io.lines(os.getenv("BENCH_TOKENS")) do table.insert(lines, line) end
  thread:set("token", lines[place])
  thread:set("place", place)
end

function request()
  number = number + 1
  if is_keyed then headers["Idempotency-Key"] = string.format("bench-%04d-%012d", _G.place, number) end
  return wrk.format("POST", nil, headers, (string.gsub(body, "{token}", token)))
end

function response(status, _, answer)
  summary.count(status)
  token = string.match(answer, '"' .. field .. '": ?"([^"]+)"') or token
end

function done(totals, latency) summary.print(totals, latency) end
