"""What is known of providers by the first part of a model's name, without asking anybody."""

import ipaddress
from urllib.parse import urlsplit

# Checked against litellm 1.106.2 (validate_environment), for those where it is right.
_KEYS = {
    "anthropic": "ANTHROPIC_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "xai": "XAI_API_KEY",
}

_SERVED_HERE = {"ollama", "ollama_chat", "llamafile", "lm_studio"}


def provider_of(model: str) -> str:
    """Return the provider's part of a litellm name; empty when there is none."""
    return model.partition("/")[0] if "/" in model else ""


def default_key_env(model: str, api_base: str) -> str:
    """Return the variable a provider's key usually stands in; empty for unknown ones and a server of one's own."""
    return "" if api_base else _KEYS.get(provider_of(model), "")


def is_local(model: str, api_base: str) -> bool:
    """Whether a model is served from this machine or a private network, going by its name and address alone."""
    if not api_base:
        return provider_of(model) in _SERVED_HERE
    host = urlsplit(api_base).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".lan", ".internal", ".localhost"))
