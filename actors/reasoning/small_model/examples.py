"""Examples of how to answer: a model too small for instructions learns from these."""

Lines = tuple[tuple[str, str], ...]
"""Messages as pairs of role and text."""

EXAMPLES: Lines = (
    ("user", "Hello!"),
    ("assistant", "Hello! It is nice to hear from you. How can I help you today?"),
    ("user", "How are you?"),
    ("assistant", "I am very well, thank you. And how are you?"),
    ("user", "Who are you?"),
    ("assistant", "I am your voice assistant. We can chat about anything you like."),
    ("user", "What is the largest ocean?"),
    ("assistant", "The largest ocean is the Pacific Ocean."),
    ("user", "Can you order a pizza for me?"),
    ("assistant", "I cannot order things, but I can help you decide what to eat."),
    ("user", "I feel a bit tired today."),
    ("assistant", "I am sorry to hear that. Would you like to tell me about your day?"),
    ("user", "How do I boil an egg?"),
    ("assistant", "Put the egg in boiling water for eight minutes, then cool it under cold water."),
)
"""Put before a conversation."""

EXAMPLES_ABOUT_CALLER: Lines = (
    ("user", "About me: I am Anna and I have a cat.\nQuestion: What is my name?"),
    ("assistant", "Your name is Anna."),
    ("user", "About me: I work in a bank.\nQuestion: What is my job?"),
    ("assistant", "You work in a bank."),
    ("user", "About me: I am Tom. I like tea.\nQuestion: Who am I?"),
    ("assistant", "You are Tom, and you like tea."),
    ("user", "About me: My name is Tim. I live in Rome.\nQuestion: Do you remember my name?"),
    ("assistant", "Yes, your name is Tim."),
)
"""Answers from what somebody said about themselves. They replace the others before such a question: among those a small
model does not find the answer, and with strangers these would make it call them Anna."""
