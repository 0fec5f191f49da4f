"""The rules of the sandbox, in words for people."""

from __future__ import annotations

RULES = """\
How a request ends is chosen by words in it, anywhere in its line:
  [[fail:STATUS]]             refused with an HTTP status, such as [[fail:500]]
  [[fail:STATUS:CODE]]        ... and this error code, such as [[fail:400:context_length_exceeded]]
  [[fail:STATUS:CODE:WORDS]]  ... and these words
  [[rate]] [[quota]] [[context]] [[policy]]   the usual ones: 429, 429 for quota, 400 too long, 400 refused
  [[error:CODE]]              not executed: no response, error.code is CODE
  [[timeout]]                 the same with the code timeout
  [[bare:TYPE]]               an error of type and message alone, no response, no code
  [[status0]]                 status_code 0 with an empty body and no error
  [[expire]]                  still waiting when the window closes: the batch ends expired
  [[missing]]                 a row in neither file
  [[once:WORD]] [[twice:WORD]]   holds the first time (two times) the line is run, such as [[once:fail:500]]
How its row looks:
  [[repeat]] written twice    [[torn]] cut in the middle      [[list]] JSON, but a list
  [[stringbody]] the body a string of JSON   [[noid]] no custom_id   [[wrongid]] another custom_id
  [[inoutput]] an error row in the output file
What an answer says:
  [[say:TEXT]]   [[long:CHARACTERS]]   [[empty]]   [[cut]] stopped by its length   [[refuse]]   [[tools]]
Without any, chat, responses and completions echo the prompt; where JSON is asked for, the answer fits the
schema; where the prompt says "one of: a, b, c", it is one of them. Embeddings are short vectors. The same
input gives the same answer. A model called no-such-... is not found.

How a whole batch goes is chosen by words in its metadata, sandbox_mood=WORD,WORD:
  slow:10 (times slower)  fast  seconds:30 (of work)  hang or hang:40 (stops at 40 %)
  hang_validating  hang_finalizing  hang_cancelling
  expire:60 or expire:60:20 (ends expired with 60 % done, after 20 s of work)
  fail_validation or fail_validation:CODE   token_limit (fails)   token_limit_400 (create is refused)
  create_500 (create answers 500 and yet creates)   vanish:5 (gone 5 s after its end)
  quiet (requests that were not run are in neither file)   all_completed (counts say so whatever happened)
  null_counts   empty_ids ("" for no file)   unknown_status:scheduling

Control, on the sandbox alone and without a key:
  GET  /_sandbox/stats               what there is and what was called
  POST /_sandbox/clock  {"advance": 3600}      let an hour pass
  POST /_sandbox/moods  {"iso_times": true}    habits of other services; GET lists them, DELETE resets
  POST /_sandbox/faults {"kind": "drop_after", "method": "POST", "path": "/v1/batches", "nth": 1, "times": 1}
       kinds: drop_before, drop_after, reset, delay (seconds), status and status_after (status, body,
       headers), truncate (at byte), slow (rate in bytes a second), garbage (body);
       GET lists them, DELETE removes them
  POST /_sandbox/seed   {"batches": 1250}      more ended batches
"""
