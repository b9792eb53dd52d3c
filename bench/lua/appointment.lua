-- django-appointment's two forms, one after the other: which time, then who. A booking is done with the second one.
local summary = dofile(os.getenv("BENCH_LUA") .. "/summary.lua")
local sessions, location = {}, nil
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }

function setup(thread)
  local place = summary.watch(thread)
  for line in io.lines(os.getenv("BENCH_TOKENS")) do table.insert(sessions, line) end
  thread:set("session", sessions[place])
end

function request()
  headers["Cookie"] = "sessionid=" .. session
  if location then return wrk.format("POST", location, headers, os.getenv("BENCH_PERSON")) end
  return wrk.format("POST", nil, headers, os.getenv("BENCH_TIME"))
end

function response(status, answer_headers)
  local next_page = answer_headers["Location"] or answer_headers["location"]
  if status ~= 302 then summary.count(500) elseif location then summary.count(status) end
  location = status == 302 and not location and next_page or nil
end

function done(totals, latency) summary.print(totals, latency) end
