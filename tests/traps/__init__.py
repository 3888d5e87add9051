"""What the dependencies do that this server works around, or leans on without being promised it.

Each test here is about a library alone. One that fails after an upgrade says that a workaround may go, or must change. That the
server itself behaves is tested where it does:

| trap | here | what the server does, and its test |
| --- | --- | --- |
| a stream that is cut ends like a whole one | test_openai | an answer without a finish reason fails: app/test_upstream_faults |
| a failed response is delivered as data | test_openai | it fails: adapters/openai/test_response_events |
| sse-starlette ends every stream at SIGTERM | test_http | switched off where it is imported; the drain order is ours |
| uvicorn and httptools set no bounds to a head | test_http | http/guard.py: app/test_hostile_wire |
| a limit on connections refuses probes too | test_http | turns are limited, not connections: app/test_limits |
| the openai client retries and follows redirects | test_openai | neither: adapters/openai/test_client, app/test_upstream_faults |
| an exception's text quotes the provider | test_openai | fixed texts: adapters/openai/test_errors, app/test_secrets |
| JSON libraries raise on odd text and numbers | test_json | adapters/http/test_ai_sdk_encoder, adapters/openai/test_chunks |
| read time-outs begin anew with every byte | test_http | the domain's own deadlines: app/test_upstream_faults |
| a connection with bytes left is used again | test_openai (what prevents it is there) | adapters/openai/test_client |
| tool calls are handed over unjudged | | judged by the domain: domain/test_calls, app/test_upstream_faults |
| AI SDK clients refuse prototype keys | test_ai_sdk | such input becomes an error: domain/test_arguments |
| joserfc takes what no issuer should send | test_joserfc | auth/tokens.py: adapters/auth/test_jwt |
| Dynaconf runs code and joins lists | test_configuration | only its readers are used: adapters/config/test_files |
"""
