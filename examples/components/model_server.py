"""A model server with a GPU for each of two replicas, and a service that asks it; neither waits for the models."""

from components import ModelArgs, ModelServer, ModelServerArgs, Network, Service, ServiceArgs

edge = Network("edge")  # the models come from the internet
brief = ModelArgs(base="llama3.2:1b", system="Answer in one sentence.", parameters={"temperature": 0.2})
llm = ModelServer(
    "llm",
    ModelServerArgs(
        image="ollama/ollama:0.9.6",
        keeper_image="slipway/models:0.1.0",
        networks=[edge.attach("llm")],
        models={"llama3.2:1b": ModelArgs(warm=True), "brief": brief},
        gpus=["device=0", "device=1"],
        memory_mib=8192,
    ),
)
env = {"OPENAI_BASE_URL": llm.openai_url}
Service("api", ServiceArgs(image="example/api:1.4", networks=[edge.attach("api")], env=env, needs=llm.ready))
